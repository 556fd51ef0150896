"""The token counter as a process on a real bus."""

import copy
import hashlib

SUBJECT = "coburn.gl.tokencounter"
REQUEST = {"gl_path": "/capped/", "ingress_payload": {"messages": []}}
REFUSED = {"control": {"Error": "Consumption Cap Exceeded. Try again later", "Path": "/capped/"}}


def response(tokens):
    return {"gl_path": "/capped/", "inbound_payload": {"usage": {"total_tokens": tokens}}}


def capped(config, cap):
    changed = copy.deepcopy(config)
    changed["token_caps"][0]["fields"][0]["value"] = cap
    return changed


def on(config, **bus):
    return config | {"service_bus": config["service_bus"] | bus}


async def test_counts_and_caps(server, config, start, ask):
    """It answers on the bus, and is healthy while it does."""
    counter = start(config).ready()
    assert counter.sign.read() == hashlib.sha256(counter.file.read_bytes()).hexdigest()
    async with server.client() as bus:
        assert await ask(bus, SUBJECT, response(100)) == {"token_count": {"total": 100}}
        assert await ask(bus, SUBJECT, REQUEST) == REFUSED
    assert counter.stop() == 0
    assert counter.sign.read() is None


async def test_the_very_bytes(server, config, start):
    """A request that may pass comes back byte for byte; what is no JSON is answered with nothing."""
    start(config).ready()
    message = b'{ "gl_path" : "/capped/",\n "ingress_payload": {"temperature": 1.50, "n": 1e999} }'
    async with server.client() as bus:
        assert await bus.request(SUBJECT, message, 5) == message
        assert await bus.request(SUBJECT, b"hello", 5) == b""
        await bus.publish(SUBJECT, b"nobody waits for an answer")
        assert await bus.request(SUBJECT, message, 5) == message


async def test_reload_keeps_the_count(server, config, start, ask):
    """A new cap is in force at once, over what was used before."""
    counter = start(config).ready()
    async with server.client() as bus:
        await ask(bus, SUBJECT, response(60))
        assert await ask(bus, SUBJECT, REQUEST) == REQUEST
        counter.reload(capped(config, 60))
        counter.until_said("config in force")
        assert counter.sign.read() == hashlib.sha256(counter.file.read_bytes()).hexdigest()
        assert await ask(bus, SUBJECT, REQUEST) == REFUSED


async def test_bad_reload_changes_nothing(server, config, start, ask):
    """A file that is not valid is refused, and the config before stays in force."""
    counter = start(config).ready()
    before = counter.sign.read()
    counter.reload("{")
    counter.until_said("config not taken")
    assert counter.sign.read() == before
    async with server.client() as bus:
        assert await ask(bus, SUBJECT, response(3)) == {"token_count": {"total": 3}}


async def test_reload_to_another_topic(server, config, start, ask):
    """It moves to the new subject and takes its counters along."""
    counter = start(config).ready()
    async with server.client() as bus:
        await ask(bus, SUBJECT, response(100))
        counter.reload(on(config, topic="somewhere.other"))
        counter.until_said("config in force")
        assert await ask(bus, "somewhere.other", REQUEST) == REFUSED
    assert counter.stop() == 0


async def test_reload_to_another_bus(server, second_server, config, start, ask):
    """It moves to the new bus, and does not need the old one any more."""
    counter = start(config).ready()
    counter.reload(on(config, hostname=second_server.hostname))
    counter.until_said("config in force")
    server.stop()
    async with second_server.client() as bus:
        assert await ask(bus, SUBJECT, response(3)) == {"token_count": {"total": 3}}
    assert counter.process.poll() is None


async def test_reload_to_a_bus_that_refuses(server, second_server, config, start, ask):
    """A token that the new bus refuses is said, and the old bus is still served."""
    counter = start(config).ready()
    counter.reload(on(config, hostname=second_server.hostname, token="another-token"))
    counter.until_said("config not taken")
    assert "another-token" not in counter.output.read_text()
    async with server.client() as bus:
        assert await ask(bus, SUBJECT, response(3)) == {"token_count": {"total": 3}}


async def test_reload_to_a_bus_that_is_away(server, second_server, config, start, ask):
    """So is a new bus that is not there."""
    counter = start(config).ready()
    second_server.stop()
    counter.reload(on(config, hostname=second_server.hostname))
    counter.until_said("config not taken")
    async with server.client() as bus:
        assert await ask(bus, SUBJECT, response(3)) == {"token_count": {"total": 3}}


async def test_two_share_the_work(server, config, start, ask):
    """Of two replicas one answers each message, and when one dies the other answers all."""
    first, second = start(config, "first").ready(), start(config, "second").ready()
    async with server.client() as bus:
        for _ in range(50):
            assert await ask(bus, SUBJECT, response(0)) == {"token_count": {"total": 0}}
        first.process.kill()
        first.process.wait()
        for _ in range(20):
            assert await ask(bus, SUBJECT, response(0)) == {"token_count": {"total": 0}}
    assert second.process.poll() is None


def test_refused_by_the_bus(config, start):
    """A wrong token ends it with a clear error that does not tell the token."""
    counter = start(config, token="wrong-token-1234")
    assert counter.process.wait(30) == 1
    text = counter.output.read_text()
    assert "refuses the token" in text
    assert "wrong-token-1234" not in text
    assert "Traceback" not in text
