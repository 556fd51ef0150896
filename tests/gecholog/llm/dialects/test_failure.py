"""Streams of nothing but an error, and what is no error."""

import pytest

from gecholog import llm
from tests.gecholog.llm.samples import CHAT, NDJSON, SSE, chunk, ndjson, sse, sse_named

NOTHING = [None, "", {}, [], False, 0, {"message": "", "code": 0}]


def test_error_alone():
    """The answer is the error object."""
    assert llm.fold(sse({"error": {"message": "no"}}), SSE, completed=True) == {"error": {"message": "no"}}


@pytest.mark.parametrize("error", ["overloaded", {"code": 503}, True, ["no"]])
def test_forms_of_errors(error):
    """A text, an object, true beside a message: all report an error."""
    assert llm.fold(ndjson({"error": error, "message": "m"}), NDJSON, completed=True)["error"] == error


def test_error_of_anthropic():
    """Anthropic's error has a type beside it; pings may stand before it."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert llm.fold(sse_named(error), SSE, completed=True) == error
    assert llm.fold(sse_named({"type": "ping"}, error), SSE, completed=True) == error


@pytest.mark.parametrize("nothing", NOTHING)
def test_empty_errors_are_none(nothing):
    """Many servers send the member with every event: what is empty makes no stream of errors."""
    events = [{"answer": text, "error": nothing} for text in ("One", "two")]
    assert llm.fold(sse(*events), SSE, completed=True) is None
    assert llm.fold(ndjson(*events), NDJSON, completed=True) is None
    assert llm.fold(sse(events[0]), SSE, completed=True) is None


@pytest.mark.parametrize("nothing", NOTHING)
def test_empty_errors_replace_no_error(nothing):
    """Nor does it replace an error that came, in any dialect."""
    said = {"message": "broke"}
    bodies = [
        sse(CHAT[0], {"error": said}, chunk({}, error=nothing)),
        sse_named(
            {"type": "message_start", "message": {"id": "m"}},
            {"type": "error", "error": said},
            {"type": "x", "error": nothing},
        ),
        sse_named(
            {"type": "response.created", "response": {}},
            {"type": "error", "error": said},
            {"type": "x", "error": nothing},
        ),
        sse_named(
            {"type": "message-start", "delta": {"message": {}}},
            {"type": "x", "error": said},
            {"type": "x", "error": nothing},
        ),
    ]
    for body in bodies:
        assert llm.fold(body, SSE, completed=True)["error"] == said


def test_error_among_other_events():
    """One failed row of a batch, an error behind events that no dialect knows: that is recorded whole, as text."""
    rows = [{"id": 1, "error": None}, {"id": 2, "error": {"message": "no"}}]
    assert llm.fold(ndjson(*rows), NDJSON, completed=True) is None
    assert llm.fold(ndjson(rows[1], rows[1]), NDJSON, completed=True) is None
