"""The first bytes of an answer to a request for a stream."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.opening import Opening
from tests.gecholog.llm import samples
from tests.gecholog.llm.dialects import neutral

SSE, JSON = "text/event-stream", "application/json"
PING = b'event: ping\ndata: {"type":"ping"}\n\n'
COMMENT = b": PROCESSING\n\n"
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}}
ERRORS = {
    "anthropic": (samples.sse_named(OVERLOADED), 529),
    "openai_chat": (samples.sse({"error": {"message": "Busy.", "code": 503}}), 503),
    "openai_responses": (samples.sse_named({"type": "error", "code": "server_error", "message": "Busy."}), 500),
    "gemini": (samples.sse({"error": {"code": 429, "message": "Busy.", "status": "RESOURCE_EXHAUSTED"}}), 429),
    "ollama": (samples.ndjson({"error": "Busy."}), 500),
}
STARTED = samples.sse_named({"type": "message_start", "message": {"id": "m", "model": "c"}})
TEXT = samples.sse_named({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hi"}})


def fed(dialect, *pieces, kind=SSE):
    """The opening, and after how many pieces it was enough; 0: never."""
    opening = Opening(CHAT_DIALECTS[dialect], kind)
    return opening, next((number for number, piece in enumerate(pieces, 1) if opening.feed(piece)), 0)


@pytest.mark.parametrize("before", [b"", PING, COMMENT, COMMENT + PING])
@pytest.mark.parametrize("dialect", ERRORS)
def test_errors_in_place_of_an_answer(dialect, before):
    """Each API's own; comments and pings before it do not count."""
    data, status = ERRORS[dialect]
    is_ollama = dialect == "ollama"
    opening, enough = fed(dialect, data if is_ollama else before + data, kind=samples.NDJSON if is_ollama else SSE)
    assert (enough, opening.error.status) == (1, status)
    assert "Busy." in opening.error.message


@given(st.lists(st.integers(0, 200), max_size=6))
@samples.CALM
def test_errors_however_they_are_cut(places):
    opening, _ = fed("anthropic", *neutral.split(COMMENT + PING + ERRORS["anthropic"][0], places))
    assert opening.error is not None
    assert opening.error.status == 529


@pytest.mark.parametrize("pieces", [(STARTED,), (PING, STARTED), (COMMENT, PING, STARTED)])
def test_answers(pieces):
    """The first event that says something is enough."""
    opening, enough = fed("anthropic", *pieces, TEXT)
    assert (enough, opening.is_stream, opening.error) == (len(pieces), True, None)


def test_events_that_arrive_together():
    """An error counts as long as no piece of the answer came before it."""
    failing = ERRORS["anthropic"][0]
    assert fed("anthropic", STARTED + failing)[0].error is not None
    assert fed("anthropic", STARTED + TEXT + failing)[0].error is None


@pytest.mark.parametrize("data", [b"", COMMENT, PING, b"data: [DONE]\n\n"])
def test_streams_without_an_event(data):
    """They are no answer."""
    opening, enough = fed("openai_chat", data)
    assert enough == 0
    opening.flush()
    assert opening.is_stream
    assert "ended before" in opening.error.message


WHOLE = {"id": "m", "type": "message", "content": []}


@pytest.mark.parametrize("kind", [SSE, JSON])
@pytest.mark.parametrize("indent", [None, 1])
def test_whole_answers(kind, indent):
    """JSON is no stream, whatever it is announced as. One line could be the first of several."""
    data = json.dumps(WHOLE, indent=indent).encode()
    opening, enough = fed("anthropic", data, kind=kind)
    assert enough == (0 if indent is None else 1)
    opening.flush()
    assert (opening.is_stream, opening.error) == (False, None)


@pytest.mark.parametrize(
    ("dialect", "data"),
    [
        ("anthropic", STARTED),
        ("ollama", samples.ndjson({"message": {"content": "a"}}, {"done": True})),
        ("gemini", b"[{},"),
    ],
)
@pytest.mark.parametrize("kind", [SSE, JSON, ""])
def test_streams_under_any_name(dialect, data, kind):
    opening, _ = fed(dialect, data, kind=kind)
    assert opening.is_stream


def test_deciding_early():
    """What has come decides, if no more is waited for."""
    for data, kind, expected in [(b"", SSE, True), (COMMENT, SSE, True), (b'{"id"', SSE, False), (b"", JSON, False)]:
        opening, _ = fed("openai_chat", data, kind=kind)
        opening.decide()
        assert opening.is_stream is expected
        assert opening.error is None
