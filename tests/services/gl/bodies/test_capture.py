"""Captures of streamed bodies: the same however the bytes come."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gecholog import llm
from services.gl.bodies.capture import BodyCapture
from services.gl.bodies.reading import BodyForm
from services.gl.http import UpstreamRequest
from services.gl.routing.routers import Router, parse_target

REQUEST = UpstreamRequest("POST", Router("/", {}, parse_target("http://t", "", {})), "/x", "", {}, b"")
EVENTS = b'data: {"choices":[]}\n\ndata: [DONE]\n\n'


def captured(pieces, kind="text/plain", length=None, limit=100, stream_limit=400):
    capture = BodyCapture(BodyForm.of({"Content-Type": [kind]}, REQUEST), length, limit, stream_limit)
    for piece in pieces:
        capture.observe(piece)
    return capture


@given(
    body=st.binary(max_size=600) | st.integers(0, 20).map(lambda times: EVENTS * times),
    cuts=st.lists(st.integers(0, 600)),
    kind=st.sampled_from(["text/plain", "text/event-stream"]),
)
def test_however_it_is_cut(body, cuts, kind):
    """What is kept of a body, and what it is taken for, does not depend on its pieces."""
    places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    capture = captured([body[start:end] for start, end in pairwise(places)], kind, length=len(body))
    is_sse = kind == "text/plain" and llm.begins_as_sse(body[:64])
    limit = 400 if kind == "text/event-stream" or is_sse else 100
    assert capture.is_complete
    assert capture.is_sse == is_sse
    assert capture.copy.whole == (body if len(body) <= limit else None)
    assert capture.copy.size == len(body)


def test_complete():
    """A body whose size was told is complete with its last byte; of one of unknown size that is not known."""
    assert not captured([b"ab"], length=3).is_complete
    assert captured([b"ab", b"c"], length=3).is_complete
    assert not captured([b"ab"]).is_complete


def test_end_that_was_handed_on():
    """A stream has ended for the client if its mark was among the bytes that it was handed."""
    capture = captured([EVENTS], "text/event-stream")
    assert not capture.has_ended
    capture.delivered = len(EVENTS)
    assert capture.has_ended
