"""Bodies of responses as they are read: decoded, folded, with their usage."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import rawjson
from services.gl.bodies.reading import BodyForm, read_body
from services.gl.http import UpstreamRequest
from services.gl.record.payload import Truncated
from services.gl.routing.routers import Router, parse_target

STREAMING = b'{"messages":[],"stream":true}'
CHUNK = b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
EVENTS = CHUNK + b"data: [DONE]\n\n"
LIMIT = 10_000


def form(content_type="", encoding="", body=b"{}"):
    """The form of a response to a request with this body."""
    router = Router("/", {}, parse_target("http://t", "", {}))
    came = {"Content-Type": [content_type]} | ({"Content-Encoding": [encoding]} if encoding else {})
    return BodyForm.of(came, UpstreamRequest("POST", router, "/chat/completions", "", {}, body))


TYPES = st.sampled_from(["", ";", "application/json", "text/event-stream", "application/x-ndjson", "image/png"])
BODIES = st.sampled_from([EVENTS, b"[{}]", b"{}", b'{"a":1}\n{"b":2}\n', gzip.compress(EVENTS)])


@given(
    body=BODIES | st.binary(max_size=200),
    content_type=TYPES,
    encoding=st.sampled_from(["", "gzip", "deflate", "what", "gzip,gzip"]),
    asked=st.sampled_from([b"", b"{}", STREAMING]),
    completed=st.booleans(),
)
def test_any_body_is_read(body, content_type, encoding, asked, completed):
    """Nothing that comes makes it fail, and what it makes of it can be written and read."""
    reading = read_body(body, form(content_type, encoding, asked), LIMIT, LIMIT, completed=completed)
    assert rawjson.is_json(rawjson.dumps(reading.recorded.value))
    assert reading.recorded.note is None or reading.recorded.note


@pytest.mark.parametrize(
    ("content_type", "asked", "is_stream"),
    [
        ("text/event-stream", b"{}", True),
        ("text/plain", STREAMING, True),
        ("text/plain", b"{}", False),
        ("", STREAMING, True),
    ],
)
def test_what_is_a_stream(content_type, asked, is_stream):
    """What is announced as one, and what looks like one if one was asked for."""
    reading = read_body(EVENTS, form(content_type, body=asked), LIMIT, LIMIT, completed=True)
    assert (reading.streamed is not None) == is_stream
    if is_stream:
        assert json.loads(reading.recorded.value)["choices"][0]["message"] == {"content": "Hi"}


def test_limits():
    """One limit is for what a body unpacks to, the other for what is kept of it."""
    body = json.dumps({"a": "x" * 5000}).encode()
    small = read_body(body, form(), LIMIT, 1000, completed=True)
    assert isinstance(small.recorded.value, Truncated)
    assert small.recorded.value.limit == 1000
    packed = read_body(gzip.compress(body), form(encoding="gzip"), 1000, LIMIT, completed=True)
    assert isinstance(packed.recorded.value, Truncated)
    assert packed.recorded.note.startswith("decoded body larger than 1000 bytes")


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("image/png", False),
        ("Audio/mpeg", False),
        ("video/x;a=b", False),
        ("font/woff", False),
        ("application/json", True),
        ("", True),
        ("text/image", True),
    ],
)
def test_may_have_usage(content_type, expected):
    """What is for eyes and ears has none."""
    assert form(content_type).may_have_usage == expected


DEEP = CHUNK + b'data: {"choices":[{"delta":{"x":' + b'{"a":' * 2000 + b"1" + b"}" * 2003 + b"\n\n"
COUNTED = b'data: {"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'


def test_a_stream_with_an_event_that_is_nested_too_deep():
    """Nothing of it is lost: it is recorded as text, with a note, and its usage is counted."""
    reading = read_body(DEEP + COUNTED, form("text/event-stream"), LIMIT, 100_000, completed=True)
    assert reading.recorded.value == (DEEP + COUNTED).decode()
    assert "nested too deep" in reading.recorded.note
    assert reading.usage is not None
