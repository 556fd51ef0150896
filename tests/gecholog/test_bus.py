"""The bus, against real nats-servers that go away and come back."""

import asyncio
import gc
import os
import signal
import socket

import pytest

from gecholog import logs, wire
from gecholog.bus import Bus, BusAddress
from gecholog.errors import BusAway, BusRefused, MessageTooLarge, NoAnswer, NobodyListens
from gecholog.logs import Log
from tests.support.freezing import freeze
from tests.support.waiting import DEADLINE, eventually


@pytest.fixture(autouse=True)
async def nothing_leaks():
    """After each test no task is left over, and no error went unheard of."""
    unheard = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    yield
    await eventually(lambda: asyncio.all_tasks() == {asyncio.current_task()}, "the end of all tasks")
    gc.collect()
    await asyncio.sleep(0)
    assert not unheard


async def echo_on(bus, subject, queue=""):
    async def echo(message):
        await message.answer(message.subject.encode() + b":" + message.data)

    await bus.subscribe(subject, echo, queue)


async def asked(bus, subject, data=b"x"):
    """The answer to a request, asked until someone answers."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return await bus.request(subject, data, 5)
            except (NoAnswer, BusAway):
                await asyncio.sleep(0.02)


async def lost(bus):
    await eventually(lambda: not bus.connected, "the loss of the bus")


# ------------------------------------------------------------------------------------------------------------ messages


async def test_request_and_answer(connect, plain_nats_server):
    """A request gets the answer of one who listens, on another connection or the same."""
    async with connect(plain_nats_server) as bus, connect(plain_nats_server) as other:
        await echo_on(other, "a.b")
        await other.flush()
        assert await bus.request("a.b", b"\x00\r\n\xff", 5) == b"a.b:\x00\r\n\xff"
        assert await other.request("a.b", b"", 5) == b"a.b:"


async def test_many_requests_at_once(bus):
    """Each of many concurrent requests gets its own answer, whatever their order."""

    async def late(message):
        async def later():
            await asyncio.sleep(0.001 * (int(message.data) % 7))
            await message.answer(message.data)

        tasks.append(asyncio.create_task(later()))

    tasks = []
    await bus.subscribe("late", late)
    answers = await asyncio.gather(*(bus.request("late", str(number).encode(), 20) for number in range(500)))
    assert answers == [str(number).encode() for number in range(500)]
    assert not bus._questions
    await asyncio.gather(*tasks)


async def test_no_subscriber(bus):
    """A request that nobody can hear fails at once, not when the time is up, and says which subject it is."""
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(NoAnswer, match=r"^no subscriber on a\.b$"):
            await bus.request("a.b", b"x", 1000)
    assert not bus._questions


async def test_time_is_up(bus):
    """Who listens and does not answer: NoAnswer. An answer that comes later goes nowhere."""
    messages = []

    async def silent(message):
        messages.append(message)

    await bus.subscribe("silent", silent)
    with pytest.raises(NoAnswer, match="no answer in 50 ms"):
        await bus.request("silent", b"x", 0.05)
    await eventually(lambda: messages)
    await messages[0].answer(b"too late")
    await bus.flush()
    assert not bus._questions


async def test_a_second_answer_goes_nowhere(bus):
    """The first answer counts."""

    async def twice(message):
        await message.answer(b"1")
        await message.answer(b"2")

    await bus.subscribe("twice", twice)
    assert [await bus.request("twice", b"", 5) for _ in range(5)] == [b"1"] * 5


async def test_ask(bus):
    """Who does not wait is called with the answer, or with what went wrong."""
    heard = asyncio.Queue()

    async def answer(message):
        await message.answer(message.headers["A"].encode() + message.data)

    await bus.subscribe("answered", answer)
    bus.ask("answered", b"1", 5, heard.put_nowait, wire.encoded({"A": "2"}))
    assert await asyncio.wait_for(heard.get(), DEADLINE) == b"21"
    bus.ask("nobody", b"", 5, heard.put_nowait)
    assert isinstance(await asyncio.wait_for(heard.get(), DEADLINE), NobodyListens)
    await bus.subscribe("silent", heard.put)
    bus.ask("silent", b"", 0.05, heard.put_nowait)
    await asyncio.wait_for(heard.get(), DEADLINE)
    late = await asyncio.wait_for(heard.get(), DEADLINE)
    assert (type(late), str(late)) == (NoAnswer, "no answer in 50 ms")
    with pytest.raises(MessageTooLarge):
        bus.ask("silent", bytes(bus.max_payload + 1), 5, heard.put_nowait)
    assert not bus._questions


async def test_tell(bus):
    """A message of who does not wait comes like any other."""
    taken = asyncio.Queue()
    await bus.subscribe("told", taken.put)
    bus.tell("told", b"1", wire.encoded({"A": "2"}), lazily=True)
    message = await asyncio.wait_for(taken.get(), DEADLINE)
    assert (message.data, dict(message.headers), message.reply) == (b"1", {"A": "2"}, "")


async def test_many_times_at_once(bus):
    """Each question has its own time, whatever the order in which they were asked."""
    silent = asyncio.Queue()
    await bus.subscribe("silent", silent.put)
    order = []
    for milliseconds in (300, 20, 150, 80, 80):
        bus.ask("silent", b"", milliseconds / 1000, lambda error: order.append(str(error)))
    await eventually(lambda: len(order) == 5)
    assert order == [f"no answer in {milliseconds} ms" for milliseconds in (20, 80, 80, 150, 300)]


async def test_a_request_that_is_cancelled(bus):
    """Nothing is left of a request that nobody waits for any more."""

    async def silent(message):
        pass

    await bus.subscribe("silent", silent)
    asking = asyncio.create_task(bus.request("silent", b"x", 1000))
    await eventually(lambda: bus._questions)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not bus._questions


@pytest.mark.parametrize("headers", [None, {"Nats-Msg-Id": "größe", "A": ""}])
async def test_the_largest_message(bus, headers):
    """A message of max_payload goes through, headers included; one byte more is refused, and the connection stays."""
    taken = asyncio.Queue()
    await bus.subscribe("big", taken.put)
    block = wire.encoded(headers) if headers else b""
    most = bus.max_payload - len(block)
    with pytest.raises(MessageTooLarge) as raised:
        await bus.publish("big", bytes(most + 1), block)
    assert (raised.value.size, raised.value.limit) == (bus.max_payload + 1, bus.max_payload)
    await bus.publish("big", bytes(most), block)
    async with asyncio.timeout(DEADLINE):
        message = await taken.get()
    assert len(message.data) == most
    assert dict(message.headers) == (headers or {})
    with pytest.raises(MessageTooLarge):
        await bus.request("big", bytes(bus.max_payload + 1), 5)
    assert bus.connected
    assert not bus._questions


async def test_max_payload_is_remembered(connect, nats_server):
    """While the bus is away, messages are made as large as it took them last."""
    async with connect(nats_server) as bus:
        nats_server.kill()
        await lost(bus)
        assert bus.max_payload == 8 * 1024 * 1024
        nats_server.start()
        await eventually(lambda: bus.connected)


async def test_max_payload_is_that_of_the_server(connect, nats_server):
    """Our own server takes 8 MiB."""
    async with connect(nats_server) as bus:
        assert bus.max_payload == 8 * 1024 * 1024
        await echo_on(bus, "a")
        data = os.urandom(5_000_000)
        assert await bus.request("a", data, 20) == b"a:" + data


async def test_a_handler_that_fails(bus):
    """One bad message does not end a subscription."""

    async def picky(message):
        if message.data == b"bad":
            raise ValueError("bad")
        await message.answer(b"good")

    await bus.subscribe("picky", picky)
    with pytest.raises(NoAnswer):
        await bus.request("picky", b"bad", 0.05)
    assert await bus.request("picky", b"x", 5) == b"good"


async def test_queue_groups(connect, plain_nats_server):
    """Of a group, one member gets each message; who is in no group gets all."""
    counts = {"a": 0, "b": 0, "all": 0}

    def counting(name):
        async def handler(message):
            counts[name] += 1

        return handler

    async with connect(plain_nats_server) as bus, connect(plain_nats_server) as other:
        await bus.subscribe("s", counting("a"), "group")
        await other.subscribe("s", counting("b"), "group")
        await other.subscribe("s", counting("all"))
        await bus.flush()
        await other.flush()
        for _ in range(200):
            await bus.publish("s", b"")
        await eventually(lambda: counts["all"] == 200 and counts["a"] + counts["b"] == 200)
        assert counts["a"]
        assert counts["b"]


async def test_a_message_that_wants_no_answer(bus):
    """Answering what was only published does nothing."""
    done = asyncio.Event()

    async def handler(message):
        assert message.reply == ""
        await message.answer(b"x")
        done.set()

    await bus.subscribe("s", handler)
    await bus.publish("s", b"")
    async with asyncio.timeout(DEADLINE):
        await done.wait()


async def test_unsubscribe_waits_for_the_handlers(connect, plain_nats_server):
    """What came before the end is handled, slowly as it may be; what comes later goes to the others of the group."""
    async with connect(plain_nats_server) as bus, connect(plain_nats_server) as other:
        handled = []

        async def slow(message):
            await asyncio.sleep(0.01)
            handled.append(message.data)

        await bus.subscribe("s", slow, "group")
        await bus.flush()
        for number in range(5):
            await other.publish("s", b"%d" % number)
        await other.flush()
        await bus.unsubscribe("s")
        assert handled == [b"0", b"1", b"2", b"3", b"4"]
        with pytest.raises(NobodyListens):
            await other.request("s", b"", 5)
        await bus.unsubscribe("s")  # nothing is left to end


async def test_a_handler_that_is_too_slow(connect, plain_nats_server, monkeypatch, capsys):
    """What waits for a handler has a limit; what goes beyond is dropped, and said twice, not each time."""
    monkeypatch.setattr("gecholog.subscription._MAX_QUEUED_BYTES", 1000)
    logs.setup("test")
    async with connect(plain_nats_server) as bus:
        go, handled = asyncio.Event(), []

        async def slow(message):
            await go.wait()
            handled.append(message.data)

        await bus.subscribe("s", slow)
        for _ in range(100):
            await bus.publish("s", bytes(100))
        await bus.flush()
        go.set()
        await eventually(lambda: len(handled) > 10)
        await eventually(lambda: "messages were dropped" in capsys.readouterr().out, "the end of it")
        assert len(handled) < 20


# --------------------------------------------------------------------------------------------------- losing the server


async def test_away_at_the_start(connect, plain_nats_server):
    """A bus that is away is waited for; what was subscribed meanwhile stands when it comes."""
    plain_nats_server.stop()
    bus = Bus(BusAddress.of(plain_nats_server.hostname, plain_nats_server.token), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    await echo_on(bus, "a")
    for call in (bus.publish("a", b""), bus.request("a", b"", 5), bus.flush()):
        with pytest.raises(BusAway):
            await call
    assert bus.max_payload == 1024 * 1024
    plain_nats_server.start()
    assert await asked(bus, "a") == b"a:x"
    await bus.opened()
    await bus.close()
    await running


async def test_killed_and_back(connect, plain_nats_server):
    """After kill -9 subscriptions and requests work again, each subscription once; waiting requests end at once."""
    announced = []

    async def announce(bus):
        announced.append(await bus.request("a", b"announced", 5))

    async def silent(message):
        pass

    async with connect(plain_nats_server) as bus:
        bus.on_connect(announce)
        await echo_on(bus, "a")
        await bus.subscribe("silent", silent)
        for round_number in range(1, 4):
            waiting = [asyncio.create_task(bus.request("silent", b"", 1000)) for _ in range(20)]
            await eventually(lambda: len(bus._questions) == 20)
            await bus.flush()
            plain_nats_server.kill()
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            assert {type(error) for error in ended} == {BusAway}
            assert not bus._questions
            await lost(bus)
            plain_nats_server.start()
            assert await asked(bus, "a") == b"a:x"
            await eventually(lambda number=round_number: len(announced) == number)
        counted = []

        async def count(message):
            counted.append(message.data)

        await bus.subscribe("count", count)
        await bus.publish("count", b"1")
        assert await bus.request("a", b"", 5) == b"a:"
        await eventually(lambda: counted)
        assert counted == [b"1"]
    assert announced == [b"a:announced"] * 3


async def test_a_subscription_is_there_once(connect, plain_nats_server):
    """A subscription that is made while the connection is being made is not made twice."""
    plain_nats_server.stop()
    bus = Bus(BusAddress.of(plain_nats_server.hostname, plain_nats_server.token), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    counted = []

    async def count(message):
        counted.append(message.data)

    plain_nats_server.start()
    for number in range(200):
        await bus.subscribe(f"count.{number}", count)
        await asyncio.sleep(0)
    await bus.opened()
    await bus.flush()
    for number in range(200):
        await bus.publish(f"count.{number}", b"%d" % number)
    await echo_on(bus, "end")
    await bus.request("end", b"", 5)
    await eventually(lambda: len(counted) >= 200)
    assert sorted(map(int, counted)) == list(range(200))
    await bus.close()
    await running


async def test_killed_under_load(connect, plain_nats_server):
    """A bus that dies while much is waiting to be written is noticed, and found again."""
    async with connect(plain_nats_server) as bus:
        stop = False

        async def publishing():
            while not stop:
                try:
                    await bus.publish("load", bytes(500_000))
                except BusAway:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0)

        publishers = [asyncio.create_task(publishing()) for _ in range(8)]
        for _ in range(2):
            before = bus._wire
            await eventually(
                lambda connection=before: connection._transport.get_write_buffer_size() > 1_000_000, "a backlog"
            )
            plain_nats_server.kill()
            await lost(bus)
            plain_nats_server.start()
            await eventually(lambda connection=before: bus.connected and bus._wire is not connection, "the bus")
        stop = True
        await asyncio.gather(*publishers)


async def test_frozen(connect, plain_nats_server):
    """A bus that does not answer any more: requests end by their time, and leaving it does not take forever."""
    async with connect(plain_nats_server) as bus:
        await echo_on(bus, "a")
        await bus.flush()
        freeze(plain_nats_server.pid)
        try:
            with pytest.raises(NoAnswer):
                await bus.request("a", b"x", 0.1)
            with pytest.raises(BusAway):
                await bus.flush()
            async with asyncio.timeout(DEADLINE):
                await bus.close()
        finally:
            os.kill(plain_nats_server.pid, signal.SIGCONT)


async def test_stuck(connect, plain_nats_server, monkeypatch):
    """A bus that takes nothing any more costs a request its own time, not more."""
    monkeypatch.setattr("gecholog.wire._HIGH_WATER", 100_000)
    monkeypatch.setattr("gecholog.bus._DRAINED_WITHIN", 1000)
    async with connect(plain_nats_server) as bus:
        freeze(plain_nats_server.pid)
        try:
            async with asyncio.timeout(DEADLINE):
                while bus._wire.drained is None:
                    await bus.publish("load", bytes(500_000))
                    await asyncio.sleep(0.01)
                with pytest.raises(BusAway, match="does not take"):
                    await bus.request("a", b"x", 0.05)
        finally:
            os.kill(plain_nats_server.pid, signal.SIGCONT)


# ------------------------------------------------------------------------------------------------------------- refusal


async def test_refused(plain_nats_server):
    """A token that is refused ends `run` at once; the error does not hold the token."""
    bus = Bus(BusAddress.of(plain_nats_server.hostname, "WrongSecret"), "test", Log("test"))
    with pytest.raises(BusRefused) as raised:
        async with asyncio.timeout(DEADLINE):
            await bus.run()
    assert "WrongSecret" not in str(raised.value)
    assert "WrongSecret" not in repr(bus.address)
    assert not bus.connected
    assert plain_nats_server.log.count("authentication error") == 1


async def test_refused_after_a_reconnect(connect, plain_nats_server):
    """A server that comes back with another token ends `run`."""
    async with connect(plain_nats_server) as bus:
        running = next(task for task in asyncio.all_tasks() if task.get_name() == "bus")
        plain_nats_server.kill()
        plain_nats_server.token = "AnotherToken"
        plain_nats_server.start()
        with pytest.raises(BusRefused):
            async with asyncio.timeout(DEADLINE):
                await running
        with pytest.raises(BusAway):
            await bus.publish("a", b"")


async def test_a_port_where_nobody_is(free_port):
    """Who is not reached is asked again, until `close`."""
    bus = Bus(BusAddress.of(f"127.0.0.1:{free_port}", "x"), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    await asyncio.sleep(0.2)
    assert not running.done()
    await bus.close()
    async with asyncio.timeout(DEADLINE):
        await running


async def test_a_name_that_is_not_known():
    """A host name that cannot be resolved is asked for again, too."""
    bus = Bus(BusAddress.of("no-such-host.invalid:4222", "x"), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    await asyncio.sleep(0.2)
    assert not running.done()
    await bus.close()
    async with asyncio.timeout(DEADLINE):
        await running


@pytest.mark.parametrize(
    "greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"INFO {nonsense\r\n", b"INFO {}\r\n-ERR 'no'\r\n"]
)
async def test_someone_else_on_the_port(greeting):
    """Something that is no nats-server is not believed, and not asked endlessly."""
    calls = 0

    async def serve(_, writer):
        nonlocal calls
        calls += 1
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bus = Bus(BusAddress.of(f"127.0.0.1:{port}", "x"), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    await eventually(lambda: calls >= 2)
    assert not running.done()
    assert not bus.connected
    await bus.close()
    async with asyncio.timeout(DEADLINE):
        await running
    server.close()
    await server.wait_closed()
    assert calls < 100


async def test_a_bus_that_takes_us_and_drops_us():
    """A server that ends each connection after a proper welcome is not asked without a pause."""
    calls = 0

    async def serve(reader, writer):
        nonlocal calls
        calls += 1
        writer.write(b'INFO {"max_payload":1000,"headers":true,"auth_required":true}\r\n')
        await reader.readuntil(b"PING\r\n")
        writer.write(b"PONG\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    bus = Bus(BusAddress.of(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", "x"), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    await eventually(lambda: calls >= 2)
    assert calls < 10
    assert not running.done()
    await bus.close()
    async with asyncio.timeout(DEADLINE):
        await running
    server.close()
    await server.wait_closed()


# ------------------------------------------------------------------------------------------------------------- leaving


async def test_close_sends_what_is_waiting(connect, plain_nats_server):
    """What was published before `close` arrives."""
    taken = []

    async def take(message):
        taken.append(message.data)

    async with connect(plain_nats_server) as listening:
        await listening.subscribe("s", take)
        await listening.flush()
        async with connect(plain_nats_server) as bus:
            for number in range(1000):
                await bus.publish("s", b"%d" % number)
        await eventually(lambda: len(taken) == 1000)


async def test_close_ends_requests(connect, plain_nats_server):
    """Who still waits for an answer when the bus is left learns of it."""

    async def silent(message):
        pass

    async with connect(plain_nats_server) as bus:
        await bus.subscribe("silent", silent)
        asking = asyncio.create_task(bus.request("silent", b"", 1000))
        await eventually(lambda: bus._questions)
        await bus.close()
        with pytest.raises(BusAway):
            async with asyncio.timeout(DEADLINE):
                await asking


async def test_close_while_connecting():
    """`close` during the greeting: `run` returns, and the connection that was being made is gone."""
    taken, gone = asyncio.Event(), asyncio.Event()
    go_on = asyncio.Event()

    async def serve(reader, writer):
        taken.set()
        await go_on.wait()
        writer.write(b'INFO {"max_payload":1000,"headers":true}\r\n')
        await reader.readuntil(b"PING\r\n")
        writer.write(b"PONG\r\n")
        await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    bus = Bus(BusAddress.of(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", "x"), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    await taken.wait()
    await bus.close()
    go_on.set()
    async with asyncio.timeout(DEADLINE):
        await running
        await gone.wait()
    assert not bus.connected
    server.close()
    await server.wait_closed()


async def test_close_while_reconnecting(connect, plain_nats_server):
    """`close` while the bus is away: `run` returns, and does not come back with the bus."""
    async with connect(plain_nats_server) as bus:
        plain_nats_server.kill()
        await lost(bus)
        await bus.close()
        await bus.close()
        plain_nats_server.start()
    assert not bus.connected


async def test_run_cancelled(plain_nats_server):
    """A `run` that is cancelled leaves no connection behind, connected or connecting."""
    bus = Bus(BusAddress.of(plain_nats_server.hostname, plain_nats_server.token), "test", Log("test"))
    running = asyncio.create_task(bus.run())
    await bus.opened()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not bus.connected
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bus = Bus(BusAddress.of(f"127.0.0.1:{silent.getsockname()[1]}", "x"), "test", Log("test"))
        running = asyncio.create_task(bus.run())
        connection, _ = await asyncio.to_thread(silent.accept)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        connection.settimeout(DEADLINE)
        assert connection.recv(1) == b""
        connection.close()
