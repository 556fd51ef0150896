"""Streams of Cloudflare's Workers AI."""

from gecholog import llm
from tests.gecholog.llm.samples import SSE, WORKERS_AI, sse


def test_text():
    """Pieces are joined, the usage is that of the last event, padding goes."""
    folded = llm.fold(sse(*WORKERS_AI, done=True), SSE, completed=True)
    assert folded == {"response": "Hello", "usage": WORKERS_AI[-1]["usage"]}


def test_others_with_a_response():
    """An API of one's own that happens to have `response` is not taken for it."""
    body = sse({"response": "Hel", "step": 1}, {"response": "lo", "step": 2})
    assert llm.fold(body, SSE, completed=True) is None
