"""The question for usage, put into a request."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl import streams
from tests.services.gl.streams.samples import CALM

ASKED = b'{"include_usage":true}'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"messages":[],"stream":true}',
            b'{"messages":[],"stream":true,"stream_options":{"include_usage":true}}',
        ),
        (
            b' {\n  "prompt": "a",\n  "stream": true\n}\n',
            b' {\n  "prompt": "a",\n  "stream": true,"stream_options":{"include_usage":true}\n}\n',
        ),
        (
            b'{"stream_options": null, "messages":[],"stream":true}',
            b'{"stream_options": {"include_usage":true}, "messages":[],"stream":true}',
        ),
        (
            b'{"stream_options": { } , "messages":[],"stream":true}',
            b'{"stream_options": {"include_usage":true } , "messages":[],"stream":true}',
        ),
        (
            b'{"messages":["\xc3\xbc\\ud800"],"stream":true,"stream_options":{"a": 1}}',
            b'{"messages":["\xc3\xbc\\ud800"],"stream":true,"stream_options":{"include_usage":true,"a": 1}}',
        ),
        (
            b'{"messages":[1e999,1.0],"stream":true,"stream_options":{"a":1,"include_usage" : false}}',
            b'{"messages":[1e999,1.0],"stream":true,"stream_options":{"a":1,"include_usage" : true}}',
        ),
        (
            b'{"messages":[],"stream":true,"stream_options":{"include_usage":null}}',
            b'{"messages":[],"stream":true,"stream_options":{"include_usage":true}}',
        ),
        (
            b'{"messages":[],"str\\u0065am":true,"stream_opt\\u0069ons":{}}',
            b'{"messages":[],"str\\u0065am":true,"stream_opt\\u0069ons":{"include_usage":true}}',
        ),
        (
            b'{"messages":[{"stream_options":{}}],"stream":true,"stream_options":{"include_usage":true},"stream_options":{}}',
            b'{"messages":[{"stream_options":{}}],"stream":true,"stream_options":{"include_usage":true},"stream_options":'
            + ASKED
            + b"}",
        ),
    ],
)
def test_question_is_put(body, expected):
    """Only the question is added; every other byte stays."""
    assert streams.usage_request(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"not JSON",
        b"\xff",
        b'{"messages":[]}',
        b'{"messages":[],"stream":false}',
        b'{"messages":[],"stream":"true"}',
        b'{"messages":[],"stream":true,"stream":false}',
        b'{"input":"a","stream":true}',
        b'{"messages":[],"stream":true,"stream_options":{"include_usage":true}}',
        b'{"messages":[],"stream":true,"stream_options":"yes"}',
        b'{"messages":[],"stream":true,"stream_options":{"include_usage":"yes"}}',
        b'\xef\xbb\xbf{"messages":[],"stream":true}',
    ],
)
def test_nothing_to_change(body):
    """Requests of other kinds, and those that ask already, stay as they are."""
    assert streams.usage_request(body) is None


NAMES = st.sampled_from(["messages", "prompt", "stream", "stream_options", "include_usage", "x", 'q"', "\u00fc"])
VALUES = st.recursive(
    st.sampled_from([True, False, None, 1, -1.5e300, "", "},{", '"\\', "\U0001f30d"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)
OPTIONS = st.dictionaries(NAMES, st.sampled_from([True, False, None, "x", {}]), max_size=4)
BODIES = st.dictionaries(NAMES, VALUES | OPTIONS, max_size=7).map(lambda body: {**body, "messages": [], "stream": True})


@CALM
@given(BODIES | VALUES, st.sampled_from([None, 0, 3]), st.booleans())
def test_any_request(body, indent, ascii_only):
    """The request means the same but for the question, and is asked only once."""
    asked = streams.usage_request(json.dumps(body, indent=indent, ensure_ascii=ascii_only).encode())
    if asked is not None:
        options = {**(body.get("stream_options") or {}), "include_usage": True}
        assert json.loads(asked) == {**body, "stream_options": options}
        assert streams.usage_request(asked) is None


@CALM
@given(st.binary())
def test_any_bytes(data):
    """Nothing raises."""
    assert streams.usage_request(data) is None or data.startswith(b"{")
