"""What the dummy answers to a turn, whatever the dialect."""

import json

import pytest

from services.dummy.generation import TextLimits
from services.dummy.turn import Output, Tool, Turn, answer

GREET, COUNT = Tool("greet", {"properties": {"words": {"type": "string"}}}), Tool("count")


def names(**more):
    return [call.name for call in answer(Turn(**more)).calls]


@pytest.mark.parametrize(
    ("words", "called", "expected"),
    [
        ("Hello there", (), []),
        ("please greet me", (), ["greet"]),
        ("count and greet", (), ["count", "greet"]),
        ("greet, greet and greet", (), ["greet", "greet", "greet"]),
        ("greet, greet and count", ("greet",), ["greet", "count"]),
        ("greet", ("greet",), []),
        ("greeting, re-greet, my.greet, Greet", (), []),
    ],
)
def test_tools_that_are_named(words, called, expected):
    """A tool whose name is a word of the user's is called as often as it is named, less what has been called."""
    assert names(words=words, called=called, tools=(GREET, COUNT)) == expected


def test_one_by_one():
    """Only the first of the tools is called, if they may not be called together."""
    assert names(words="count and greet", tools=(GREET, COUNT), one_by_one=True) == ["count"]


def test_a_tool_that_must_be_called():
    """It is one that the user named, else the first."""
    assert names(words="Hi", tools=(GREET, COUNT), must_call=True) == ["greet"]
    assert names(words="count", tools=(GREET, COUNT), must_call=True) == ["count"]


def test_arguments():
    """Arguments have the user's words."""
    (call,) = answer(Turn("greet", tools=(GREET,))).calls
    assert call.arguments == {"words": "greet"}


def test_results():
    """Results become a text, if nothing is left to be called."""
    turn = Turn("greet", results=("fine", "good"), called=("greet",), tools=(GREET,))
    assert answer(turn).text.text == "The tools said: fine; good"


def test_a_thought_counts():
    """A thought takes its part of the tokens, and is no longer for longer words."""
    thought = answer(Turn("Hello there", thinks=True)).thought
    assert thought == "Thinking about: Hello there"
    assert answer(Turn("Hi " * 1000, thinks=True)).thought_tokens < 30
    assert answer(Turn("Hello there", thinks=True, limits=TextLimits(most=7))).text.text == "You said"
    assert answer(Turn("Hello there", thinks=True, limits=TextLimits(most=1))).text.finish_reason == "length"


@pytest.mark.parametrize("chunks", [0, 3, 100])
def test_json(chunks):
    """JSON stays JSON, however many chunks are wanted."""
    output = Output(is_json=True, schema={"type": "object", "properties": {"a": {"type": "integer"}}})
    written = answer(Turn("Hi", output=output, limits=TextLimits(chunks=chunks))).text
    assert json.loads(written.text) == {"a": 1}
    assert "".join(written.pieces) == written.text
    assert json.loads(answer(Turn("Hi", output=Output(is_json=True))).text.text) == {"words": "Hi"}
