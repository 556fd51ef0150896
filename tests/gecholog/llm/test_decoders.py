"""What holds for the decoder of every framing: bytes may be cut anywhere, memory is bounded, only size is an error."""

import json
from contextlib import nullcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.aws_event_stream import AwsEventStreamDecoder
from gecholog.llm.event import Event, UnreadableEvent
from gecholog.llm.json_array import JsonArrayDecoder
from gecholog.llm.json_lines import JsonLinesDecoder
from gecholog.llm.sse import SseDecoder, SseFramer
from tests.gecholog.llm import aws
from tests.gecholog.llm.samples import CALM, STREAMS

VALUES = [{"a": "\\"}, {"b": [{"c": '"]}'}]}, {}, {"d": "é🌍\n"}]
ARRAY = json.dumps(VALUES, indent=1, ensure_ascii=False).encode()
BODIES = {
    SseDecoder: [body for body, kind in STREAMS.values() if "event-stream" in kind],
    JsonLinesDecoder: [body for body, kind in STREAMS.values() if "ndjson" in kind]
    + [b'\xef\xbb\xbf{"a":1}\r\n{"b":2}\r{"c":3}', b'\x1e{"a":\n1}\n\x1e{"b":2}\n'],
    JsonArrayDecoder: [ARRAY, b"\xef\xbb\xbf " + ARRAY + b" ", b'[{"a":1},7,"x]",[{"b":2}],{"c":3}'],
    AwsEventStreamDecoder: [aws.STREAM],
}
CASES = [(kind, body) for kind, bodies in BODIES.items() for body in bodies]


def decoded(kind, *pieces):
    decoder = kind()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.flush()


@pytest.mark.parametrize(("kind", "body"), CASES)
def test_cut_at_every_byte(kind, body):
    """However a stream is cut, its events are the same."""
    whole = decoded(kind, body)
    assert whole
    assert decoded(kind, *[bytes([byte]) for byte in body]) == whole
    step = max(1, len(body) // 300)
    for at in range(0, len(body), step):
        assert decoded(kind, body[:at], body[at:]) == whole


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_sse_line_ends(end):
    """The same with the other line ends of SSE."""
    for body in BODIES[SseDecoder]:
        other = body.replace(b"\n", end)
        assert decoded(SseDecoder, other) == decoded(SseDecoder, body)
        assert decoded(SseDecoder, *[bytes([byte]) for byte in other]) == decoded(SseDecoder, body)


@CALM
@given(st.sampled_from(list(BODIES)), st.binary(), st.lists(st.integers(0, 60)))
def test_any_bytes(kind, data, cuts):
    """Nothing raises, and cuts make no difference."""
    places = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
    assert decoded(kind, *[data[start:end] for start, end in pairwise(places)]) == decoded(kind, data)


@CALM
@given(st.lists(st.sampled_from([b"data: x", b"\n", b"\r", b": c", b"foo", b"\n\n", b'{"a"', b"event"])))
def test_framer_loses_nothing(parts):
    """The pieces of a framer are the bytes that it was fed."""
    body = b"".join(parts)
    for framer in (SseFramer(), SseFramer(4), SseFramer(beginnings=(b"data",))):
        pieces = [piece.raw for part in parts for piece in framer.feed(part)]
        assert b"".join([*pieces, framer.flush()]) == body


LARGE = json.dumps({"large": "x" * 5000}).encode()
SMALL = json.dumps({"a": 1}).encode()


@pytest.mark.parametrize(
    ("decoder", "body"),
    [
        (SseDecoder(1000), b"data: " + SMALL + b"\n\ndata: " + LARGE + b"\n\ndata: " + SMALL + b"\n\n"),
        (SseDecoder(1000), b"data: " + SMALL + b"\n\ndata: " + LARGE[:1001] + b"\n\ndata: " + SMALL + b"\n\n"),
        (JsonLinesDecoder(1000), SMALL + b"\n" + LARGE + b"\n" + SMALL + b"\n"),
        (JsonArrayDecoder(1000), b"[" + SMALL + b"," + LARGE + b"," + SMALL + b"]"),
        (AwsEventStreamDecoder(1000), aws.message("a", SMALL) + aws.message("b", LARGE) + aws.message("c", SMALL)),
    ],
)
def test_large_events(decoder, body):
    """An event beyond the limit is an error, and not held meanwhile; AWS's stream just stops."""
    events = []
    with nullcontext() if isinstance(decoder, AwsEventStreamDecoder) else pytest.raises(UnreadableEvent):
        for at in range(0, len(body), 100):
            events += decoder.feed(body[at : at + 100])
            assert held(decoder) <= 1200
    assert [event.value for event in events] == [{"a": 1}]


def held(decoder):
    for place in (decoder, getattr(decoder, "_framer", None)):
        for name in ("_held", "_parts"):
            if hasattr(place, name):
                return sum(map(len, value)) if isinstance(value := getattr(place, name), list) else len(value)
    raise AssertionError


def test_aws_messages():
    """The name of an event is its type, or that of an exception; InvokeModel's wrapping is taken off."""
    body = aws.STREAM + aws.message("throttlingException", {"message": "slow"}, kind=":exception-type")
    body += aws.invoked({"type": "message_stop"}) + aws.message("other", b"no JSON")
    events = decoded(AwsEventStreamDecoder, body)
    assert [event.name for event in events[:-2]] == [name for name, _ in aws.CONVERSE]
    assert events[-2:] == [Event("throttlingException", {"message": "slow"}), Event("", {"type": "message_stop"})]


@pytest.mark.parametrize("at", [3, 9, 30, -6, -1])
def test_aws_damage(at):
    """A message whose checksum is wrong ends the stream: nothing of it or behind it is taken."""
    first, second = aws.message("a", {"a": 1}), bytearray(aws.message("b", {"b": 2}))
    second[at] ^= 1
    assert decoded(AwsEventStreamDecoder, first + second + first) == [Event("a", {"a": 1})]


def test_array_in_lists():
    """Only objects count; what is no array has none."""
    assert [event.value for event in decoded(JsonArrayDecoder, b'[[{"b":2}],{"c":3}]{"d":4}')] == [{"c": 3}]
    assert decoded(JsonArrayDecoder, b'{"a":[{"b":1}]}') == []
