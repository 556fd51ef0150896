"""Calls of JetStream's API, on real nats-servers; its rarer answers from a bus that says nothing else."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gecholog import wire
from gecholog.errors import BusAway, BusError, NoAnswer
from gecholog.jetstream import (
    NO_CONSUMER,
    NO_MESSAGE,
    NO_STREAM,
    STREAM_EXISTS,
    SUBJECT_TAKEN,
    WRONG_SEQUENCE,
    Errors,
    JetStreamRefused,
    NoJetStream,
    answered,
    ask,
)

STREAM = {"name": "THINGS", "subjects": ["things"], "storage": "memory"}


class NothingKept(NoJetStream):
    """A user's own."""


class ThingsRefused(JetStreamRefused):
    """A user's own."""


OWN = Errors(NothingKept, ThingsRefused)


class Answers:
    """A bus that answers every request with one text."""

    def __init__(self, text):
        self.text = text

    async def request(self, subject, data, timeout):  # noqa: ASYNC109 - the bus's own
        return self.text


@pytest.fixture
async def bus(nats_server, connect):
    async with connect(nats_server) as one:
        yield one


async def test_a_call(bus):
    """With a body and without one."""
    assert (await ask(bus, "STREAM.CREATE.THINGS", STREAM))["config"]["subjects"] == ["things"]
    assert (await ask(bus, "STREAM.INFO.THINGS"))["state"]["messages"] == 0


@pytest.mark.parametrize(
    ("call", "body", "code"),
    [
        ("STREAM.INFO.OTHERS", None, NO_STREAM),
        ("STREAM.CREATE.THINGS", STREAM | {"max_bytes": 1000}, STREAM_EXISTS),
        ("STREAM.CREATE.OTHERS", STREAM | {"name": "OTHERS"}, SUBJECT_TAKEN),
        ("STREAM.MSG.GET.THINGS", {"last_by_subj": "things"}, NO_MESSAGE),
        ("CONSUMER.INFO.THINGS.nobody", None, NO_CONSUMER),
    ],
)
async def test_refused(bus, call, body, code):
    """With the server's number for the reason, as the user's own error."""
    await ask(bus, "STREAM.CREATE.THINGS", STREAM)
    with pytest.raises(ThingsRefused, match=f"JetStream refuses: .*{code}") as caught:
        await ask(bus, call, body, OWN)
    assert caught.value.code == code


async def test_a_message_for_a_stream(bus):
    """Its answer is read like that of a call."""
    await ask(bus, "STREAM.CREATE.THINGS", STREAM)
    expected = wire.encoded({"Nats-Expected-Last-Subject-Sequence": "0"})
    assert answered(await bus.request("things", b"1", 5, expected))["seq"] == 1
    with pytest.raises(ThingsRefused) as caught:
        answered(await bus.request("things", b"2", 5, expected), OWN)
    assert caught.value.code in WRONG_SEQUENCE


@pytest.mark.parametrize(("errors", "error"), [(Errors(), NoJetStream), (OWN, NothingKept)])
async def test_without_jetstream(plain_nats_server, connect, errors, error):
    """A server that has none is recognised, and said to have none as the user wants it said."""
    async with connect(plain_nats_server) as bus:
        with pytest.raises(error):
            await ask(bus, "INFO", errors=errors)


async def test_away(nats_server, bus):
    """A bus that is away says nothing about JetStream."""
    await bus.close()
    with pytest.raises(BusAway):
        await ask(bus, "INFO")


@pytest.mark.parametrize(
    ("code", "error"),
    [(10008, NoAnswer), (10009, NoAnswer), (10039, NothingKept), (10076, NothingKept), (10025, ThingsRefused)],
)
async def test_errors(code, error):
    """What is over soon, what JetStream's absence means, and what is refused."""
    text = json.dumps({"error": {"code": 503, "err_code": code, "description": "because"}}).encode()
    with pytest.raises(error):
        await ask(Answers(text), "INFO", errors=OWN)


@given(st.binary() | st.none() | st.integers() | st.lists(st.integers()) | st.text())
def test_not_an_answer(value):
    """Someone who listens on the same subject, and answers whatever: no answer of JetStream."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    assume(not data.strip().startswith(b"{"))
    with pytest.raises(NoAnswer):
        answered(data)


@pytest.mark.parametrize("fault", [5, "x", [], True, {"err_code": []}, {"err_code": "x"}, {"err_code": None}])
def test_not_an_error(fault):
    """An error that is none of JetStream's is no answer of JetStream either."""
    with pytest.raises(NoAnswer, match="not JetStream's"):
        answered(json.dumps({"error": fault}).encode())


@given(st.dictionaries(st.text().filter(lambda name: name != "error"), st.booleans()))
def test_an_answer(value):
    """An object without an error is one."""
    assert answered(json.dumps(value).encode()) == value


def test_in_the_tree():
    """Whoever handles errors of the bus handles these."""
    assert issubclass(NoJetStream, BusError)
    assert issubclass(JetStreamRefused, BusError)
