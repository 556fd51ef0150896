"""The token counter as a process on a real bus."""

import asyncio
import copy
import hashlib
import json

from gecholog.health import ChecksumFile
from gecholog.keyvalue import KeyValue
from processors.tokencounter.replication import BUCKET
from tests.support.waiting import DEADLINE, eventually

REQUEST = {"gl_path": "/capped/", "ingress_payload": {"messages": []}}
REFUSED = {"control": {"Error": "Consumption Cap Exceeded. Try again later", "Path": "/capped/"}}


def response(tokens):
    return {"gl_path": "/capped/", "inbound_payload": {"usage": {"total_tokens": tokens}}}


def counted(tokens):
    return {"token_count": {"total": tokens}}


def capped(config, cap):
    changed = copy.deepcopy(config)
    changed["token_caps"][0]["fields"][0]["value"] = cap
    return changed


def on(config, **bus):
    return config | {"service_bus": config["service_bus"] | bus}


async def test_counts_and_caps(nats_server, config, start, client):
    """It replies on the bus, and is healthy while it does."""
    process = start(config)
    assert process.checksum == hashlib.sha256(json.dumps(config, indent=2).encode()).hexdigest()
    async with client(nats_server) as asking:
        assert await asking.ask(response(100)) == counted(100)
        assert await asking.ask(REQUEST) == REFUSED
    assert await process.stopped() == 0
    assert process.checksum is None


async def test_the_very_bytes(nats_server, config, start, client):
    """A permitted request comes back byte for byte. A message that is not JSON gets an empty reply."""
    start(config)
    message = b'{ "gl_path" : "/capped/",\n "ingress_payload": {"temperature": 1.50, "n": 1e999} }'
    async with client(nats_server) as asking:
        assert await asking.send(message) == message
        assert await asking.send(b"hello") == b""
        await asking.tell(b"nobody waits for an answer")
        assert await asking.send(message) == message


async def test_period(nats_server, config, start, client):
    """When the period is over, calls are permitted again."""
    start(config | {"cap_period_seconds": 1})
    async with client(nats_server) as asking:
        answers = [await asking.ask(response(100))]
        while REFUSED not in answers:  # a period may end just between the two
            answers += [await asking.ask(response(100)), await asking.ask(REQUEST)]
        while await asking.ask(REQUEST) != REQUEST:
            pass


async def test_reload_keeps_the_count(nats_server, config, start, reload, client):
    """A new cap is in force at once, and includes earlier usage."""
    process = start(config)
    before = process.checksum
    async with client(nats_server) as asking:
        await asking.ask(response(60))
        assert await asking.ask(REQUEST) == REQUEST
        reload(process, capped(config, 60), "config in force")
        assert await asking.ask(REQUEST) == REFUSED
    assert process.checksum not in (None, before)


async def test_bad_reload_changes_nothing(nats_server, config, start, reload, client):
    """An invalid file is refused, and the config in force stays."""
    process = start(config)
    before = process.checksum
    reload(process, "{", "config not taken")
    assert process.checksum == before
    async with client(nats_server) as asking:
        assert await asking.ask(response(3)) == counted(3)


async def test_a_reload_that_would_open_a_cap(nats_server, config, start, reload, client):
    """A mistake in a cap in force is refused, and the cap stays. Deleting it from the file opens the router."""
    process = start(config)
    async with client(nats_server) as asking:
        await asking.ask(response(100))
        reload(process, capped(config, -1), "config not taken")
        assert (
            process.wait_for_log("config not taken")["consequence"]
            == "cap of router /capped/ is in force now and would be lost"
        )
        assert await asking.ask(REQUEST) == REFUSED
        reload(process, config | {"token_caps": []}, "config in force")
        assert await asking.ask(REQUEST) == REQUEST


async def test_a_cap_that_is_wrong_at_the_start(nats_server, config, start, reload, client, tmp_path):
    """It closes the router, with a log line and a line beside the checksum file, until it is corrected."""
    process = start(capped(config, -1))
    assert "calls of /capped/ are refused (503)" in process.wait_for_log("config warning")["consequence"]
    [told] = ChecksumFile.of("tokencounter", process.home).read_report()["left_out"]
    assert (told["name"], told["closes"]) == ("/capped/", ["/capped/"])
    async with client(nats_server) as asking:
        refusal = await asking.ask(REQUEST)
        assert refusal["control_status_code"] == 503
        assert "token_caps[0].fields[0].value" in refusal["control"]["Error"]
        assert await asking.ask(REQUEST | {"gl_path": "/other/"}) == REQUEST | {"gl_path": "/other/"}
        reload(process, config, "config in force")
        assert await asking.ask(REQUEST) == REQUEST


async def test_answers_that_are_not_counted(nats_server, config, start, client):
    """The log names router, field and call, once for many."""
    process = start(config)
    message = {"gl_path": "/capped/", "inbound_payload": {}, "inbound_status_code": 200}
    async with client(nats_server) as asking:
        for number in range(3):
            assert await asking.ask(message | {"transaction_id": f"T_{number}"}) == {"token_count": {}}
    entry = process.wait_for_log("no usage found in a response of a capped router")
    assert (entry["router"], entry["field"], entry["transaction_id"]) == ("/capped/", "total", "T_0")
    assert await process.stopped() == 0
    assert process.messages().count("no usage found in a response of a capped router") == 1


async def test_reload_to_another_topic(nats_server, config, start, reload, client):
    """It moves to the new subject and keeps its counters."""
    process = start(config)
    async with client(nats_server) as asking:
        await asking.ask(response(100))
        reload(process, on(config, topic="somewhere.other"), "config in force")
        assert await asking.ask(REQUEST, subject="somewhere.other") == REFUSED
    assert await process.stopped() == 0


class TestToAnotherBus:
    """A reload that names another bus."""

    async def test_taken(self, nats_server, second_nats_server, config, start, reload, client):
        """It moves to the new bus, and does not need the old one any more."""
        process = start(config)
        other = on(config, hostname=second_nats_server.hostname, token=second_nats_server.token)
        reload(process, other, "config in force")
        nats_server.stop()
        async with client(second_nats_server) as asking:
            assert await asking.ask(response(3)) == counted(3)
        assert process.is_running

    async def test_refused(self, nats_server, second_nats_server, config, start, reload, client):
        """If the new bus rejects the token, it is reported without the token, and the old bus is still served."""
        process = start(config)
        other = on(config, hostname=second_nats_server.hostname, token="another-token")
        reload(process, other, "config not taken")
        assert "another-token" not in process.output
        async with client(nats_server) as asking:
            assert await asking.ask(response(3)) == counted(3)

    async def test_away(self, nats_server, second_nats_server, config, start, reload, client):
        """It does not wait for a new bus that is unavailable, and the old one is still served."""
        process = start(config)
        second_nats_server.stop()
        reload(process, on(config, hostname=second_nats_server.hostname), "config not taken")
        async with client(nats_server) as asking:
            assert await asking.ask(response(3)) == counted(3)


async def test_two_share_the_work(nats_server, config, start, client):
    """Of two replicas one replies to each message, and when one dies the other replies to all."""
    first, second = start(config, "first"), start(config, "second")
    async with client(nats_server) as asking:
        for _ in range(50):
            assert await asking.ask(response(0)) == counted(0)
        first.kill()
        for _ in range(20):
            assert await asking.ask(response(0)) == counted(0)
    assert second.is_running


async def test_the_bus_comes_back(nats_server, config, start, client):
    """It reconnects to the bus, and still knows the usage."""
    process = start(config)
    async with client(nats_server) as asking:
        await asking.ask(response(100))
    nats_server.kill()
    await process.logged("lost the bus")
    nats_server.start()
    async with client(nats_server) as asking:
        assert await asking.ask(REQUEST) == REFUSED


class TestReplicas:
    """Several token counters on one bus."""

    @staticmethod
    async def all_refuse(asking):
        """Ask until 30 replies in a row are refusals."""
        in_a_row = 0
        async with asyncio.timeout(DEADLINE):
            while in_a_row < 30:
                in_a_row = in_a_row + 1 if await asking.ask(REQUEST) == REFUSED else 0

    async def test_a_cap_holds_over_all(self, nats_server, config, start, client):
        """They refuse when they have together counted as much as the cap."""
        start(config, "first")
        start(config, "second")
        async with client(nats_server) as asking:
            for _ in range(100):
                assert await asking.ask(response(1)) == counted(1)
            await self.all_refuse(asking)

    async def test_killed(self, nats_server, config, start, client):
        """The counts of a killed replica still count, except for what it had not written yet: here nothing."""
        first = start(config, "first")
        async with client(nats_server) as asking:
            await asking.ask(response(100))
            await written(asking, 100)
            first.kill()
            second = start(config, "second")
            assert await asking.ask(REQUEST) == REFUSED
            second.kill()
            start(config, "third")
            assert await asking.ask(REQUEST) == REFUSED

    async def test_killed_at_work(self, nats_server, config, start, client):
        """A replica that is killed while it counts loses only what it had not written yet."""
        first = start(capped(config, 1000), "first")
        start(capped(config, 1000), "second")
        answered = 0
        async with client(nats_server) as asking:
            while await asking.ask(REQUEST) != REFUSED:
                assert await asking.ask(response(1)) == counted(1)
                answered += 1
                if answered == 500:
                    await asyncio.to_thread(first.kill)
                    await asyncio.to_thread(start, capped(config, 1000), "third")
            known = await written(asking, 1000)
        assert 1000 <= known <= answered <= 1500

    async def test_stopped(self, nats_server, config, start, client):
        """A replica that stops in order loses nothing, and the period continues."""
        first = start(config, "first")
        async with client(nats_server) as asking:
            for _ in range(100):
                await asking.ask(response(1))
            assert await first.stopped() == 0
            start(config, "second")
            assert await asking.ask(REQUEST) == REFUSED

    async def test_reloaded(self, nats_server, config, start, reload, client):
        """Caps, period and window may change, and existing counts stay in all replicas."""
        replicas = [start(config, "first"), start(config, "second")]
        async with client(nats_server) as asking:
            for _ in range(60):
                await asking.ask(response(1))
            assert await asking.ask(REQUEST) == REQUEST
            for change in ({"cap_period_seconds": 7200}, {"cap_window": "sliding"}):
                for process in replicas:
                    reload(process, capped(config, 60) | change, "config in force")
                await self.all_refuse(asking)
                config |= change

    async def test_the_server_is_killed(self, nats_server, config, start, client):
        """The bus may die and return: counters keep counting, and share afterwards."""
        replicas = [start(config, "first"), start(config, "second")]
        async with client(nats_server) as asking:
            for _ in range(60):
                await asking.ask(response(1))
        nats_server.kill()
        for process in replicas:
            await process.logged("lost the bus")
        nats_server.start()
        async with client(nats_server) as asking:
            for _ in range(40):
                await asking.ask(response(1))
            await self.all_refuse(asking)

    async def test_without_jetstream(self, plain_nats_server, config, run_service, client):
        """On a bus without JetStream a counter works, and logs once that it counts alone."""
        env = {"NATS_TOKEN": plain_nats_server.token}
        process = run_service("processors.tokencounter", on(config, hostname=plain_nats_server.hostname), env=env)
        await process.logged("listening for messages")
        async with client(plain_nats_server) as asking:
            await asking.ask(response(100))
            assert await asking.ask(REQUEST) == REFUSED
        await process.logged("token counts are not shared, each replica counts its own")
        assert process.messages().count("token counts are not shared, each replica counts its own") == 1


async def test_a_status_of_its_own(nats_server, config, start, reload, client):
    """A refusal has the configured status and headers, also after a reload."""
    process = start(config)
    async with client(nats_server) as asking:
        await asking.ask(response(100))
        assert await asking.ask(REQUEST) == REFUSED
        reload(process, config | {"cap_status_code": 429}, "config in force")
        refusal = await asking.ask(REQUEST)
    assert refusal["control"].items() > REFUSED["control"].items()
    assert refusal["control"]["error"]["code"] == "rate_limit_exceeded"
    assert refusal["control_status_code"] == 429
    assert 0 < int(refusal["control_headers"]["Retry-After"][0]) <= 3600
    assert refusal["control_headers"]["x-should-retry"] == ["false"]


async def written(asking, tokens):
    """Wait until the replicas have written at least `tokens` in total, and return the actual number."""
    known = {}

    async def on_entry(entry):
        if "/capped/" in entry.key:
            known[entry.key] = sum(used["total"] for _, used in json.loads(entry.value)["uses"])

    watch = await KeyValue(asking.bus, BUCKET).watch(on_entry)
    try:
        return await eventually(lambda: sum(known.values()) >= tokens and sum(known.values()))
    finally:
        await watch.close()


def test_refused_by_the_bus(config, run_service):
    """A wrong token ends it with a clear error that does not show the token."""
    process = run_service("processors.tokencounter", config, env={"NATS_TOKEN": "wrong-token-1234"})
    assert process.wait() == 1
    assert "refuses the token" in process.output
    assert "wrong-token-1234" not in process.output
    assert "Traceback" not in process.output


def test_healthcheck(config, start, run_service):
    """`--healthcheck` tells a container whether it is serving."""
    options = {"arguments": ["--healthcheck"]}
    assert run_service("processors.tokencounter", config, **options).wait() == 1
    process = start(config)
    assert run_service("processors.tokencounter", config, **options).wait() == 0
    assert process.stop() == 0
    assert run_service("processors.tokencounter", config, **options).wait() == 1
