"""Bodies become events."""

import math

import pytest

from gecholog import llm
from gecholog.llm.event import Event, load, load_or_raise
from gecholog.llm.framing import begins_as_stream, events_of, looks_streamed, server_sent
from tests.gecholog.llm.samples import NDJSON, SSE


def values(body, content_type=SSE):
    return [event.value for event in events_of(body, content_type)]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/event-stream",
        "Text/Event-Stream; charset=utf-8",
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/jsonlines",
        "application/stream+json",
        "application/x-json-stream",
        "application/json-seq",
        "application/vnd.example+json-seq",
        "application/vnd.example.v2+x-ndjson;v=1",
        "application/vnd.amazon.eventstream",
    ],
)
def test_streams(content_type):
    """These types announce a stream of events."""
    assert llm.is_stream(content_type)


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "text/plain", "application/octet-stream", "application/vnd.amazon.other", "ndjson"],
)
def test_no_streams(content_type):
    """These do not."""
    assert not llm.is_stream(content_type)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends(end):
    """LF, CRLF and CR end a line."""
    assert values(b"\n".join([b'data: {"a":1}', b"", b'data: {"b":2}', b"", b""]).replace(b"\n", end)) == [
        {"a": 1},
        {"b": 2},
    ]


def test_fields():
    """Names are read; comments, ids, retry times and unknown fields are left out."""
    body = b': hello\nid: 1\nretry: 5\nevent: note\nfoo: bar\nnothing\ndata:{"a":1}\n\n: ping\n\nevent:x\n\n'
    assert list(events_of(body, SSE)) == [Event("note", {"a": 1})]


def test_several_data_lines():
    """The data lines of an event are one text."""
    assert values(b'data: {"a":\ndata: 1\ndata\ndata: }\n\n') == [{"a": 1}]


def test_forgotten_blank_lines():
    """Data lines that are no JSON together count alone."""
    assert values(b'data: {"a":1}\ndata: {"b":2}\ndata: [DONE]\n') == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\r\n"])
def test_last_event(end):
    """The last event counts without its blank line, if it is whole."""
    assert values(b'data: {"a":1}\n\ndata: {"b":2}' + end) == [{"a": 1}, {"b": 2}]
    assert values(b'data: {"a":1}\n\ndata: {"b":' + end) == [{"a": 1}]


def test_byte_order_mark():
    """One byte order mark at the beginning is no part of the first field."""
    assert values(b'\xef\xbb\xbfdata: {"a":1}\n\n') == [{"a": 1}]
    assert values(b'\xef\xbb\xbf{"a":1}\n', NDJSON) == [{"a": 1}]


def test_json_lines():
    """Lines that are no JSON objects are left out."""
    assert values(b'{"a":1}\n\n7\nnull\noops\r\n{"b":2}\n{"c":', NDJSON) == [{"a": 1}, {"b": 2}]


def test_json_sequence():
    """After a record separator a JSON text may have several lines."""
    assert values(b'\x1e{"a":\n1}\n\x1e{"b":2}\n\x1e{"c"', "application/json-seq") == [{"a": 1}, {"b": 2}]


def test_one_under_the_name_of_the_other():
    """Some servers announce SSE and send JSON lines, or the other way round."""
    assert values(b'{"a":1}\n{"b":2}\n') == [{"a": 1}, {"b": 2}]
    assert values(b'data: {"a":1}\n\n', NDJSON) == [{"a": 1}]


def test_invalid_utf_8():
    """Bytes that are no UTF-8 become replacement characters, as SSE decodes them."""
    assert values(b'data: {"a":"\xff\xc3"}\n\n') == [{"a": "\ufffd\ufffd"}]


def test_numbers():
    """Integers of 64 bits keep their digits; what JSON has no word for is null."""
    assert load(b'{"a":18446744073709551615,"b":-9223372036854775808}') == {"a": 2**64 - 1, "b": -(2**63)}
    assert load(b'{"a":NaN,"b":-Infinity,"c":18446744073709551615}') == {"a": None, "b": None, "c": 2**64 - 1}
    assert load(b'{"a":NaN,"b":18446744073709551616}') == {"a": None, "b": 2.0**64}
    huge = load(b'{"a":NaN,"b":' + b"9" * 5000 + b"}")
    assert huge == {"a": None, "b": math.inf}


@pytest.mark.parametrize(
    "before", [b"", b'data: {"a":1}\n\n', b'data: {"a":1}\n', b": ping\n\n", b"event: x\ndata: {}\n\n"]
)
@pytest.mark.parametrize("bare", [b'{"error":{"code":500}}', b'{\n  "error": {\n    "code": 500\n  }\n}\n'])
def test_bare_object(before, bare):
    """A JSON object that stands there without `data:` counts: an error behind what was sent before."""
    assert [event.value for event in server_sent(before + bare)][-1] == {"error": {"code": 500}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: x", True),
        (b"event: x", True),
        (b"id: 1", True),
        (b"retry: 1", True),
        (b": ping", True),
        (b"\xef\xbb\xbf\r\n\ndata:", True),
        (b'{"a":1}\n{"a":2}\n', True),
        (b'{"a":1}\r\n{"a":2', True),
        (b'{"a":1}\n', False),
        (b'{\n "a":1\n}', False),
        (b'{"a":1}', False),
        (b"[1]", False),
        (b"", False),
        (b"database", False),
        (b"some text\ndata: x", False),
        (b"{not json\n{}", False),
    ],
)
def test_looks_streamed(body, expected):
    """SSE is told by its first line, JSON lines by a first line that is an object where the whole is no JSON."""
    assert looks_streamed(body) is expected


@pytest.mark.parametrize(
    ("start", "kind", "expected"),
    [
        (b"", SSE, None),
        (b"\xef\xbb\xbf \n", SSE, None),
        (b"anything", SSE, True),
        (b"da", "application/json", None),
        (b"data: {", "application/json", True),
        (b"<html>", "text/html", False),
        (b"{", SSE, None),
        (b'{"a":1}\n', SSE, None),
        (b'{"a":1}\n{', SSE, True),
        (b"{\n", SSE, False),
        (b"{" + b" " * 70_000, SSE, False),
        (b"{", "application/x-ndjson", True),
        (b"[", "application/json", True),
        (b"\0\0", "", True),
        (b"x", "application/vnd.amazon.eventstream", True),
    ],
)
def test_streams_by_their_first_bytes(start, kind, expected):
    """Bytes decide before the Content-Type; too few are not guessed, unless nothing follows."""
    assert begins_as_stream(start, kind) is expected
    assert begins_as_stream(start, kind, is_whole=True) is (
        expected or (expected is None and kind == SSE and start[:1] != b"{")
    )


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param([b'{"a":1}', b' {"b":[2]} ', b" [DONE]"], id="strict objects"),
        pytest.param([b'{"a":1', b'"b":2},{}'], id="cut off, and completed by the next"),
        pytest.param([b'{"a":[{}', b'{"c":1}]}', b"{},{}"], id="an object in a list that is cut off"),
        pytest.param([b'{"a":[{}', b'{"c":1}]}', b"{}", b"{},{}", b"{}"], id="more objects in one text"),
        pytest.param([b'{"a":1}', b"[1]", b'"{}"', b"null"], id="no objects"),
        pytest.param([b"[DONE]", b'{"a":1}'], id="the end mark in the middle"),
        pytest.param([b'{"a":NaN}', b'{"a":1}'], id="lenient JSON"),
        pytest.param([b"[DONE]"], id="an end mark alone"),
    ],
)
def test_parsed_together_as_one_by_one(texts):
    """Events that are parsed at once are those that parsing each on its own gives."""
    data = b"".join(b"data:" + text + b"\n\n" for text in texts)
    one_by_one = [Event("", value) for text in texts if (value := load(text)) is not None]
    assert list(server_sent(data, load_or_raise)) == one_by_one
