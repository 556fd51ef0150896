"""Whether a stream that was left had come to its end, or only its usage was to come."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import llm
from tests.gecholog.llm.samples import CALM, CHAT, GEMINI, SSE, STREAMS, USAGE, chunk, ndjson, sse

FINISHED = sse(*CHAT[:-1])


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_whole_streams(name):
    """Each dialect has its mark, and nothing before it is taken for it."""
    body, _ = STREAMS[name]
    assert llm.has_ended(body) is True
    assert llm.has_ended(body[: len(body) // 2]) is False
    assert llm.has_ended(body.replace(b"\n", b"\r\n")) is True


def test_comments_behind_the_end():
    """What follows the mark, comments and pings, does not hide it."""
    assert llm.has_ended(FINISHED + b"data: [DONE]\n\n: bye\n\n\n\n")
    assert llm.has_ended(b"\xef\xbb\xbf" + FINISHED + b"data:[DONE]")
    assert not llm.has_ended(FINISHED + b"data: [DONE")


@pytest.mark.parametrize("kind", ["completed", "incomplete", "failed"])
def test_ends_of_a_response(kind):
    """A response has ended also if it failed."""
    assert llm.has_ended(sse({"type": f"response.{kind}", "response": {}}))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        FINISHED,
        sse({"choices": [{"delta": {"content": "data: [DONE]"}}]}),
        ndjson({"message": {}, "done": False}),
        sse({"candidates": [{"index": 0, "finishReason": "STOP"}, {"index": 1}]}),
        sse({"candidates": []}),
        json.dumps(GEMINI).encode()[:-1],
        b'[{"candidates":[]',
        b"data: text\n\n",
    ],
)
def test_not_ended(body):
    """A finished choice is not the end: the usage may follow."""
    assert not llm.has_ended(body)


def test_usage_is_awaited():
    """An OpenAI stream whose choice is finished has nothing but its usage to come, until that is there."""
    assert llm.awaits_usage(FINISHED)
    assert llm.awaits_usage(FINISHED + b": ping\n\n")
    assert llm.awaits_usage(FINISHED + sse(chunk(None, usage={"total_tokens": 0})))
    assert not llm.awaits_usage(FINISHED + sse(chunk(None, usage=USAGE)))
    assert not llm.awaits_usage(sse(*CHAT[:2]))
    assert not llm.awaits_usage(b"")


@CALM
@given(
    st.binary()
    | st.sampled_from(sorted(STREAMS)).flatmap(
        lambda name: st.integers(0, 3000).map(lambda size: STREAMS[name][0][:size])
    )
)
def test_any_bytes(data):
    """Nothing raises; a stream that is cut off has not ended twice."""
    assert llm.has_ended(data) in (True, False)
    assert llm.awaits_usage(data) in (True, False)
    assert llm.fold(data, SSE, completed=False) is None or isinstance(data, bytes)
