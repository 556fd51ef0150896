"""Tests of a processor without a bus."""

import asyncio

import pytest

from gecholog.errors import FieldNotSent
from gecholog.processor import Processor, Raw
from gecholog.testing import ask, asked

FIELDS = {"gl_path": "/a/", "ingress_payload": {"n": 1}}


def replying(function):
    processor = Processor("p")
    processor.message(function)
    return processor


def test_ask():
    """What the function returns comes back."""

    async def names(message):
        return {"names": sorted(message), "path": message.gl_path}

    assert ask(replying(names), FIELDS) == {"names": ["gl_path", "ingress_payload"], "path": "/a/"}


def test_a_plain_function():
    """It may block: it has a thread of its own."""
    assert ask(replying(lambda message: {"n": message["ingress_payload"]["n"]}), FIELDS) == {"n": 1}


@pytest.mark.parametrize("nothing", [None, {}])
def test_nothing(nothing):
    """Nothing to write is {}."""
    assert ask(replying(lambda _: nothing), FIELDS) == {}


def test_it_goes_through_json():
    """A tuple is a list on the bus, and ready JSON is its value."""
    processor = replying(lambda message: {"t": (1, 2), "raw": message.raw("ingress_payload"), "own": Raw(b"[ 1.50 ]")})
    assert ask(processor, FIELDS) == {"t": [1, 2], "raw": {"n": 1}, "own": [1.5]}


def test_what_the_function_raises():
    """A test sees the error itself."""

    def fails(message):
        return {"x": message["ingress_headers"]}

    with pytest.raises(FieldNotSent):
        ask(replying(fails), FIELDS)


@pytest.mark.parametrize("answer", [[1], "text", 1, object(), {"a": object()}, {1: "a"}, {"a": {1}}])
def test_what_cannot_be_an_answer(answer):
    """A function that returns what gl cannot take is told so."""
    with pytest.raises(TypeError):
        ask(replying(lambda _: answer), FIELDS)


async def test_asked():
    """The same for tests that are coroutines; several at a time if they like."""

    async def late(message):
        await asyncio.sleep(0)
        return {"n": message["ingress_payload"]["n"]}

    processor = replying(late)
    answers = await asyncio.gather(*(asked(processor, {"ingress_payload": {"n": n}}) for n in range(50)))
    assert answers == [{"n": n} for n in range(50)]


async def test_ask_in_a_loop():
    """Whoever takes the wrong one of the two is told of the other, and nothing is left behind."""
    with pytest.raises(RuntimeError, match="await asked"):
        ask(replying(lambda _: None), FIELDS)


def test_fields_that_are_no_json():
    """A test that sends what gl cannot send is told so."""
    with pytest.raises(TypeError):
        ask(replying(lambda _: None), {"ingress_payload": object()})
