"""The usage chunk is kept from the client."""

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gecholog import llm
from tests.gecholog.llm.samples import CALM, CHAT, STREAMS, USAGE, chunk, sse

LIMIT = 64 * 1024
EXTRA = sse(chunk(None, usage=USAGE))
REST = sse(*CHAT[:-1])
DONE = b"data: [DONE]\n\n"


def passed(*pieces):
    kept = llm.UsageFilter()
    return b"".join([*map(kept.feed, pieces), kept.flush()])


def test_usage_chunk_is_withheld():
    """All but the usage chunk goes on, `usage: null` included."""
    assert passed(REST + EXTRA + DONE) == REST + DONE
    assert b'"usage": null' in REST


@pytest.mark.parametrize("nothing", [None, "", {}, False, 0, [], {"message": "", "code": 0}])
def test_usage_chunk_with_an_empty_error(nothing):
    """Many servers send the member `error` with every chunk: what is empty is no error, and no reason to pass it on."""
    other = sse(chunk({"content": "a"}, error=nothing))
    assert passed(other + sse(chunk(None, usage=USAGE, error=nothing)) + DONE) == other + DONE


def test_events_go_on_at_once():
    """An event goes on as soon as it is complete, and a comment as it comes."""
    kept = llm.UsageFilter()
    for event in REST.removesuffix(b"\n\n").split(b"\n\n"):
        assert kept.feed(event[:10]) == b""
        assert kept.feed(event[10:]) == b""
        assert kept.feed(b"\n\n") == event + b"\n\n"
        assert kept.feed(b": ping\n") == b": ping\n"
    assert kept.feed(EXTRA) == b""
    assert kept.feed(DONE) == DONE
    assert kept.flush() == b""


def test_usage_chunk_without_blank_line():
    """The usage chunk is withheld at the end of the stream as well; what is left of another event goes on."""
    assert passed(REST, EXTRA[:-2]) == REST
    assert passed(REST, EXTRA[:-20]) == REST + EXTRA[:-20]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends(end):
    """The ends of lines make no difference."""
    body = (REST + b"id: 1\nevent: x\n" + EXTRA + DONE).replace(b"\n", end)
    assert passed(body) == (REST + DONE).replace(b"\n", end)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff\n\n",
        b'{"choices": [], "usage": {}}',
        b'{"choices": [], "usage": {}}\n\n',
        sse(chunk({"content": '"usage"'}, usage=USAGE)),
        sse(chunk(None, usage=None, prompt_filter_results=[])),
        sse({"choices": [], "usage": {}, "error": {"message": "overloaded"}}),
        sse({"choices": [], "usage": {}, "error": "overloaded"}),
        sse({"type": "message_delta", "usage": {"output_tokens": 5}}),
        b'data: {"choices":[],"usage":{}}\ndata: [DONE]\n\n',
        STREAMS["anthropic"][0],
        STREAMS["gemini"][0],
        STREAMS["ollama"][0],
        STREAMS["responses"][0],
        b"foo\n" + EXTRA,
    ],
)
def test_all_else_passes(body):
    """Whatever is no usage chunk goes on unchanged."""
    assert passed(body) == body
    assert passed(*[bytes([byte]) for byte in body]) == body


def test_lines_of_another_format_are_not_held():
    """JSON lines and binary data go on byte by byte."""
    kept = llm.UsageFilter()
    assert kept.feed(b'{"mod') == b'{"mod'
    assert kept.feed(b'el":1}\n{') == b'el":1}\n{'
    assert llm.UsageFilter().feed(b"\x89PNG") == b"\x89PNG"


def test_large_events_are_not_held():
    """Beyond the limit an event goes on as it comes, and the filter finds its end."""
    kept = llm.UsageFilter()
    large = b'data: {"choices":[{"delta":{"content":"' + b"x" * LIMIT
    assert kept.feed(large[:1000]) == b""
    assert kept.feed(large[1000:]) == large
    assert kept.feed(b"more") == b"more"
    assert kept.feed(b'"}}]}\n') == b'"}}]}\n'
    assert kept.feed(b"\n" + EXTRA + DONE) == b"\n" + DONE


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", range(LIMIT - 5, LIMIT + 6))
def test_events_about_the_limit(size, end):
    """How the bytes are cut makes no difference to an event about as large as the limit."""
    event = json.dumps({"choices": [], "usage": {}, "pad": ""}).encode()
    event = b"data: " + event[:-2] + b"x" * (size - len(event) - 6) + event[-2:] + end + end
    body = event + DONE
    whole = passed(body)
    assert whole == (DONE if size <= LIMIT else body)
    for cut in range(size - 4, len(event) + 2):
        assert passed(body[:cut], body[cut:]) == whole
        assert passed(body[:cut], body[cut : cut + 1], body[cut + 1 :]) == whole


PIECES = st.sampled_from(
    [
        EXTRA,
        EXTRA[:-1],
        EXTRA[:-2],
        sse(chunk({"content": "a"})),
        DONE,
        b": ping\n",
        b": ping\n\n",
        b":",
        b"event: x\n",
        b"data: ",
        b'"usage"',
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"foo",
        b"\xef\xbb\xbf",
        b"{}",
    ],
)
BODIES = st.lists(PIECES, max_size=12).map(b"".join) | st.builds(
    lambda body, end: body.replace(b"\n", end),
    st.lists(PIECES, max_size=12).map(b"".join),
    st.sampled_from([b"\r", b"\r\n"]),
)


@CALM
@given(BODIES | st.binary(), st.lists(st.integers(0, 400)))
@example(EXTRA.replace(b"\n", b"\r\n") + DONE, [len(EXTRA) + 1])
def test_any_cut(body, cuts):
    """However the bytes are cut, the same bytes go on, in order and without any that did not come."""
    whole = passed(body)
    places = sorted({0, *cuts, len(body)})
    pieces = [body[start:end] for start, end in pairwise(places)]
    assert passed(*pieces) == whole
    assert passed(*[bytes([byte]) for byte in body]) == whole
    came = iter(body)
    assert all(byte in came for byte in whole)
    if b'"usage"' not in body:
        assert whole == body
