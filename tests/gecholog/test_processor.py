"""The SDK: the functions of a processor, and a processor as a program on a real bus."""

import asyncio
import functools
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import __version__
from gecholog.errors import BusError, NobodyListens
from gecholog.logs import setup
from gecholog.processor import NOTHING, Processor, Raw
from tests.support.freezing import freeze
from tests.support.process import ServiceProcess, environment_of
from tests.support.waiting import DEADLINE

PROGRAM = Path(__file__).with_name("tried_processor.py")
SUBJECT = "coburn.gl.tried"

# ------------------------------------------------------------------ functions


def two_sided():
    processor = Processor("p")

    @processor.request
    async def on_request(request):
        return {"request": sorted(request)}

    @processor.response
    def on_response(response):
        return {"response": sorted(response)}

    return processor


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (b'{"ingress_payload": 1}', {"request": ["ingress_payload"]}),
        (b'{"inbound_payload": 1}', {"response": ["inbound_payload"]}),
        (b'{"\xc3\xa9": [1, {"b": null}]}', {"request": ["é"]}),
        (b"{}", {"request": []}),
        (b"", None),
        (b"[1]", None),
        (b"null", None),
        (b'"ingress_payload"', None),
        (b"{", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
async def test_answer(message, answer):
    """Requests go to one function, responses to the other; what is no JSON object is answered with nothing."""
    data = await two_sided().answer(message)
    assert (json.loads(data) if data else None) == answer


async def test_a_side_without_a_function():
    """It is answered with nothing."""
    processor = Processor("p")

    @processor.response
    def on_response(_):
        return {"x": 1}

    assert await processor.answer(b'{"ingress_payload": 1}') == NOTHING
    assert await processor.answer(b'{"inbound_payload": 1}') == b'{"x":1}'
    assert await Processor("empty").answer(b'{"ingress_payload": 1}') == NOTHING


async def test_one_function_for_both():
    """It is told which it is by the class."""
    processor = Processor("p")

    @processor.message
    def either(message):
        return {"kind": type(message).__name__}

    assert await processor.answer(b'{"gl_path": "/a/"}') == b'{"kind":"Request"}'
    assert await processor.answer(b'{"egress_headers": {}}') == b'{"kind":"Response"}'


@pytest.mark.parametrize(("first", "second"), [("request", "request"), ("message", "response"), ("request", "message")])
def test_two_functions_for_one_side(first, second):
    """That is an error of the program, said at once."""
    processor = Processor("p")
    getattr(processor, first)(lambda _: None)
    with pytest.raises(ValueError, match="has a function for each Re"):
        getattr(processor, second)(lambda _: None)


def test_decorators_give_the_function_back():
    """So that tests can call it as it is."""
    processor = Processor("p")

    @processor.request
    def double(request):
        return {"n": request["n"] * 2}

    assert double({"n": 2}) == {"n": 4}


class Called:
    async def __call__(self, message):
        return {"gl_path": message.gl_path}

    async def method(self, message):
        return await self(message)


async def path_of(message, _):
    return {"gl_path": message.gl_path}


@pytest.mark.parametrize(
    "function",
    [
        Called(),
        Called().method,
        functools.partial(path_of, _=1),
        lambda message: path_of(message, 1),
        lambda message: {"gl_path": message.gl_path},
        lambda message: {"gl_path": message.raw("gl_path")},
        dict,
    ],
)
async def test_what_may_be_a_function(function):
    """Plain or coroutine, function or object, or a plain one that returns a coroutine."""
    processor = Processor("p")
    processor.request(function)
    assert await processor.answer(b'{"gl_path": "/a/"}') == b'{"gl_path":"/a/"}'


async def test_a_plain_function_has_a_thread():
    """Plain functions block each other as little as the event loop: as many run at once as `concurrency` says."""
    processor = Processor("p", concurrency=3)
    all_there = threading.Barrier(3, timeout=DEADLINE)

    @processor.request
    def meet(_):
        all_there.wait()
        return {"thread": threading.current_thread().name}

    answers = await asyncio.gather(*(processor.answer(b"{}") for _ in range(3)))
    assert len({json.loads(data)["thread"] for data in answers}) == 3


@pytest.mark.parametrize("answer", [None, {}])
async def test_nothing_to_write(answer):
    processor = Processor("p")
    processor.request(lambda _: answer)
    assert await processor.answer(b"{}") == NOTHING


async def test_bytes_stay_what_they_are():
    """A field that is written back as it came has the same bytes; numbers keep their digits."""
    processor = Processor("p")
    processor.request(lambda r: {"outbound_payload": r.raw("ingress_payload"), "n": Raw(b"1.50")})
    payload = b'{"n": 1.10, "big": 123456789012345678901234567890, "s": "\\u00e9"}'
    answer = await processor.answer(b'{"ingress_payload": ' + payload + b"}")
    assert answer == b'{"outbound_payload":' + payload + b',"n":1.50}'


def _deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([1], "not list"),
        ("secret", "not str"),
        (1, "not int"),
        (b'{"a": 1}', "not bytes"),
        ({"a": {"secret"}}, "written as JSON"),
        ({"a": object()}, "written as JSON"),
        ({1: "secret"}, "written as JSON"),
        ({"a": b"secret"}, "written as JSON"),
        ({"a": _deep()}, "written as JSON"),
    ],
)
async def test_what_cannot_be_an_answer(answer, reason, capsys):
    """It is answered with nothing; the log says what kind of thing is wrong, and not what it holds."""
    setup("test")
    processor = Processor("p")
    processor.request(lambda _: answer)
    assert await processor.answer(b'{"ingress_payload": "secret"}') == NOTHING
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (line["msg"], line["error"]) == ("message not processed", "InvalidResult")
    assert reason in line["reason"]
    assert "secret" not in json.dumps(line)


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_function_that_raises(is_async, capsys):
    """It is answered with nothing; the log has type and place, and nothing of what the message held."""
    setup("test")
    processor = Processor("p")

    def fails(request):
        return {"n": int(request.ingress_payload)}

    async def fails_later(request):
        return fails(request)

    processor.request(fails_later if is_async else fails)
    assert await processor.answer(b'{"ingress_payload": "secret of a caller"}') == NOTHING
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert line["error"] == "ValueError"
    assert line["places"][0].startswith("test_processor.py:")
    assert line["places"][0].endswith(" fails")
    assert "secret" not in json.dumps(line)


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_next_that_finds_nothing(is_async):
    """StopIteration is a failure like any other, not the end of something."""
    processor = Processor("p")

    def first(request):
        return {"first": next(iter(request["list"]))}

    async def first_of(request):
        return first(request)

    processor.request(first_of if is_async else first)
    async with asyncio.timeout(DEADLINE):
        assert await processor.answer(b'{"list": []}') == NOTHING
        assert await processor.answer(b'{"list": [1]}') == b'{"first":1}'


async def test_a_field_of_the_other_side(capsys):
    """The log says which side has it."""
    setup("test")
    processor = Processor("p")
    processor.request(lambda request: {"n": request.egress_payload})
    assert await processor.answer(b'{"gl_path": "/a/"}') == NOTHING
    assert "egress_payload is a field of responses" in capsys.readouterr().out


async def test_a_field_that_was_not_sent(capsys):
    """The log says which, and where to put it."""
    setup("test")
    processor = Processor("p")
    processor.request(lambda request: {"n": len(request.text)})
    assert await processor.answer(b'{"gl_path": "/a/"}') == NOTHING
    assert "ingress_payload was not sent" in capsys.readouterr().out


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), json_values, min_size=1))
def test_any_fields_come_back(fields):
    """Whatever JSON comes in, a function that returns it has it written."""
    processor = Processor("p")

    @processor.message
    async def same(message):
        return dict(message)

    assert json.loads(asyncio.run(processor.answer(json.dumps(fields).encode()))) == fields


@given(st.binary())
def test_any_bytes(data):
    """Whatever bytes come in, there is an answer, and it is nothing or JSON."""
    answer = asyncio.run(two_sided().answer(data))
    assert not answer or isinstance(json.loads(answer), dict)


# ---------------------------------------------------------------- the processor


def test_defaults():
    """A name is enough."""
    processor = Processor("charactercount")
    assert (processor.subject, processor.queue) == ("coburn.gl.charactercount", "anything")
    assert (processor.concurrency, processor.version) == (64, __version__)


def test_own_values():
    """All of it can be chosen."""
    processor = Processor("my-p_2", subject="own.subject_x", queue="", concurrency=1, version="1.2.3-rc.1")
    assert (processor.subject, processor.queue, processor.concurrency) == ("own.subject_x", "", 1)
    assert processor.version == "1.2.3-rc.1"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("", {}),
        ("two words", {}),
        ("with-a-dash", {}),
        ("a.b", {}),
        ("p", {"subject": "a..b"}),
        ("p", {"subject": "a.*"}),
        ("p", {"subject": "a b"}),
        ("p", {"subject": ">"}),
        ("p", {"version": "1.0"}),
        ("p", {"concurrency": 0}),
        ("p", {"queue": "two words"}),
        ("p", {"queue": "a.>"}),
    ],
)
def test_what_cannot_be(name, options):
    """A wrong argument is refused at once, not when the bus sees it."""
    with pytest.raises(ValueError):  # noqa: PT011 - each has words of its own
        Processor(name, **options)


# -------------------------------------------------------------------- a program


@pytest.fixture
def program(tmp_path, plain_nats_server):
    """Starts the tried processor as a program; what still runs after the test is killed."""
    started = []

    def start(*arguments, listens=True, **env):
        home = tmp_path / "app"
        known = {"GECHOLOG_HOST": plain_nats_server.hostname, "NATS_TOKEN": plain_nats_server.token}
        process = ServiceProcess(
            [sys.executable, str(PROGRAM), *arguments], alias="tried", home=home, env=environment_of(home, known | env)
        )
        started.append(process)
        if listens:
            process.wait_for_log("listening for messages")
        return process

    yield start
    for process in started:
        process.close()


def message(**fields):
    return json.dumps(fields).encode()


async def ask(bus, **fields):
    answer = await bus.request(SUBJECT, message(**fields), DEADLINE)
    return json.loads(answer) if answer else None


async def answers_again(bus, **fields):
    """Ask until there is an answer."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return await ask(bus, **fields)
            except BusError:
                await asyncio.sleep(0.02)


async def test_program(program, bus):
    """It says that it listens, answers both sides, and ends in order when it is told to."""
    process = program()
    line = process.wait_for_log("listening for messages")
    assert (line["service"], line["subject"], line["queue"]) == ("tried", SUBJECT, "anything")
    assert await ask(bus, number=1) == {"number": 1}
    assert await ask(bus, number=2, inbound_payload=None) == {"number": 2}
    assert await ask(bus, fail="the secret of a caller") is None
    assert await ask(bus, large=2_000_000) is None
    assert await ask(bus, number=3) == {"number": 3}
    assert await process.stopped() == 0
    assert process.messages()[-2:] == ["stopping", "stopped"]
    assert {"message not processed", "answer too large for the bus"} < set(process.messages())
    assert "secret" not in process.output
    assert not process.errors
    with pytest.raises(NobodyListens):
        await ask(bus, number=4)


def test_the_program_writes_no_files(program):
    """It runs in a read-only container: no checksum file, nothing."""
    process = program()
    assert process.stop() == 0
    assert list(process.home.iterdir()) == []


def test_version(program):
    """`--version` needs no bus."""
    process = program("--version", listens=False)
    assert process.wait() == 0
    assert process.output == "2.3.4\n"


@pytest.mark.parametrize(
    ("arguments", "env"), [(["--what"], {}), (["word"], {}), ([], {"GECHOLOG_HOST": "http://somewhere"})]
)
def test_what_cannot_be_understood(program, arguments, env):
    """A wrong command line or environment: exit code 2, and a sentence."""
    process = program(*arguments, listens=False, **env)
    assert process.wait() == 2
    assert "tried: " in process.output


def test_a_wrong_token(program):
    """It gives up at once and says why, without the token."""
    process = program(listens=False, NATS_TOKEN="WrongTokenOfTheTest")
    assert process.wait() == 1
    assert "refuses the token" in process.wait_for_log("cannot go on")["reason"]
    assert "WrongTokenOfTheTest" not in process.output


@pytest.mark.parametrize(("token", "said"), [("", True), ("WrongTokenOfTheTest", False)])
def test_a_forgotten_token(program, token, said):
    """A token that is not set is the likely cause of a refusal, so both the program and its health check say so."""
    process = program(listens=False, NATS_TOKEN=token)
    assert process.wait() == 1
    assert ("NATS_TOKEN is not set" in process.wait_for_log("cannot go on")["reason"]) == said
    code, words = health(program, NATS_TOKEN=token)
    assert (code, "NATS_TOKEN is not set" in words) == (1, said)


@pytest.mark.parametrize("argument", ["", "--version"])
def test_no_function(argument, tmp_path):
    """A processor that would answer everything with nothing does not run; it still says its version."""
    program = (
        "import sys; from gecholog.processor import Processor; Processor('empty').run([a for a in sys.argv[1:] if a])"
    )
    home = tmp_path / "app"
    process = ServiceProcess(
        [sys.executable, "-c", program, argument], alias="empty", home=home, env=environment_of(home, {})
    )
    try:
        assert process.wait() == (0 if argument else 2)
        assert ("empty: no function to run: decorate one with @processor.request" in process.output) == (not argument)
    finally:
        process.close()


def test_a_token_that_is_no_longer_right(program, plain_nats_server):
    """A bus that comes back with another token ends it too: something has to give it the new one."""
    process = program()
    plain_nats_server.kill()
    plain_nats_server.token = "AnotherToken"
    plain_nats_server.start()
    assert process.wait() == 1


@pytest.mark.parametrize("host", ["host.invalid", "127.0.0.1:1"])
def test_a_bus_that_is_not_there(program, host):
    """It waits, says so, and can be stopped meanwhile."""
    process = program(listens=False, GECHOLOG_HOST=host)
    assert process.wait_for_log("waiting for the bus")["reason"]
    assert process.stop() == 0


async def test_the_bus_dies_and_comes_back(program, bus, plain_nats_server):
    """After kill -9 of the bus it finds the new one, and answers again."""
    process = program()
    for number in range(3):
        assert await answers_again(bus, number=number) == {"number": number}
        plain_nats_server.kill()
        await process.logged("lost the bus", times=number + 1)
        plain_nats_server.start()
    assert await answers_again(bus, number=9) == {"number": 9}
    assert await process.stopped() == 0


def test_it_ends_without_a_bus(program, plain_nats_server):
    """The bus goes first: nothing to wait for."""
    process = program()
    plain_nats_server.kill()
    process.wait_for_log("lost the bus")
    assert process.stop() == 0


def test_it_ends_beside_a_bus_that_says_nothing(program, plain_nats_server):
    """A bus that stands still is not waited for endlessly."""
    process = program()
    freeze(plain_nats_server.pid)
    try:
        assert process.stop() == 0
    finally:
        os.kill(plain_nats_server.pid, signal.SIGCONT)


async def _asking(bus, number, stop):
    """Ask on and on; returns how often there was an answer. A message that was taken has to be answered."""
    answered = 0
    while not stop.is_set():
        try:
            assert await ask(bus, number=number, wait=0.001) == {"number": number}
        except NobodyListens:
            return answered
        answered += 1
    return answered


@pytest.mark.parametrize("concurrency", [1, 8, 64])
async def test_a_stop_under_load_loses_no_answer(program, bus, concurrency):
    """SIGTERM while messages come: each of them is answered, or the bus says that nobody listens any more."""
    process = program(CONCURRENCY=str(concurrency))
    stop = asyncio.Event()
    callers = [asyncio.create_task(_asking(bus, number, stop)) for number in range(50)]
    await asyncio.gather(*(answers_again(bus, number=n) for n in range(100)))
    assert await process.stopped() == 0
    answered = await asyncio.gather(*callers)
    assert all(answered)


async def test_one_of_two_stops_under_load(program, bus):
    """The other one takes over: no call finds nobody, none waits in vain."""
    first = program()
    program()
    stop = asyncio.Event()
    callers = [asyncio.create_task(_asking(bus, number, stop)) for number in range(50)]
    await asyncio.gather(*(answers_again(bus, number=n) for n in range(200)))
    assert await first.stopped() == 0
    await asyncio.gather(*(answers_again(bus, number=n) for n in range(200)))
    assert not any(caller.done() for caller in callers)
    stop.set()
    assert all(await asyncio.gather(*callers))


@pytest.mark.slow
async def test_a_function_that_does_not_come_back(program, bus):
    """It is waited for, but not for ever."""
    process = program()
    for fields in ({"block": 3600, "inbound_payload": None}, {"wait": 3600}):
        await bus.publish(SUBJECT, message(**fields), reply="nowhere")
    assert await ask(bus, number=1) == {"number": 1}
    assert await process.stopped() == 0
    assert process.wait_for_log("messages left without an answer")["number"] == 2


async def test_load(program, bus):
    """Some thousand messages, far more at a time than it works on: each has its own answer."""
    program(CONCURRENCY="16")
    for start in range(0, 10_000, 1000):
        numbers = range(start, start + 1000)
        answers = await asyncio.gather(
            *(ask(bus, number=n, **({"inbound_payload": 0} if n % 10 == 0 else {})) for n in numbers)
        )
        assert answers == [{"number": n} for n in numbers]


# --------------------------------------------------------------------- health


def health(program, **env):
    """The exit code of a health check, and what it said."""
    process = program("--healthcheck", listens=False, **env)
    return process.wait(), process.output


def test_healthy(program):
    """It runs on this host: 0, and silence."""
    program()
    assert health(program) == (0, "")


def test_not_running(program):
    """The bus is there, and it is not."""
    code, said = health(program)
    assert (code, said) == (1, "tried: does not answer on this host\n")


def test_no_longer_running(program):
    """After its end it is not healthy."""
    assert program().stop() == 0
    assert health(program)[0] == 1


async def test_it_runs_elsewhere(program, bus):
    """One of the same name on another host says nothing about this one; nor does an odd answer."""
    for answer in (b'{"metadata": {"hostname": "elsewhere"}}', b"[]"):

        async def elsewhere(message, answer=answer):
            await message.answer(answer)

        await bus.subscribe("$SRV.PING.tried", elsewhere)
    await bus.flush()
    code, _ = await asyncio.to_thread(health, program)
    assert code == 1


async def test_it_runs_here_and_elsewhere(program, bus):
    """The answer from elsewhere that comes first does not count."""

    async def elsewhere(message):
        await message.answer(json.dumps({"metadata": {"hostname": f"not-{socket.gethostname()}"}}).encode())

    await bus.subscribe("$SRV.PING.tried", elsewhere)
    await bus.flush()
    await asyncio.to_thread(program)
    code, _ = await asyncio.to_thread(health, program)
    assert code == 0


def test_health_without_a_bus(program):
    """The bus is not there: 1, and which bus."""
    assert health(program, GECHOLOG_HOST="127.0.0.1:1") == (1, "tried: the bus at 127.0.0.1:1 is not reached\n")


def test_health_with_a_wrong_token(program):
    """1, and why, without the token."""
    code, said = health(program, NATS_TOKEN="WrongTokenOfTheTest")
    assert code == 1
    assert "refuses the token" in said
    assert "WrongTokenOfTheTest" not in said


async def test_stats_of_a_program(program, bus):
    """The services protocol tells what it has done, its faults among it, and no content."""
    program()
    await ask(bus, number=1)
    await ask(bus, fail="the secret of a caller")

    endpoint = {"num_requests": 0}
    async with asyncio.timeout(DEADLINE):
        while endpoint["num_requests"] < 2:  # it counts after it has answered
            stats = json.loads(await bus.request("$SRV.STATS.tried", b"", 20))
            endpoint = stats["endpoints"][0]
    assert (endpoint["num_errors"], endpoint["last_error"]) == (1, "ValueError")
    assert stats["version"] == "2.3.4"
    assert stats["metadata"]["hostname"] == socket.gethostname()
