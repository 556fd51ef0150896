"""The shape of records."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.nats2log.shape import Shape, cut, flattened, one_line, shaped

RECORD = {
    "session_id": "S_1_1_0",
    "request": {"gl_path": "/a/", "ingress_payload": {"model": "m", "messages": [{"content": "hello"}]}},
    "response": {"token_count": {"total_tokens": 7}, "inbound_headers": {"X-A": ["b"]}},
}
DATA = json.dumps(RECORD).encode()

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
    max_leaves=20,
)
objects = st.dictionaries(st.text(min_size=1), values, max_size=5)


def shape(**values):
    return Shape.of(values)


def test_include():
    """Only the named paths are kept. A path below another named path adds nothing."""
    chosen = shape(include=["session_id", "response.token_count", "response.token_count.total_tokens", "no.such"])
    assert json.loads(shaped(DATA, chosen)) == {
        "session_id": "S_1_1_0",
        "response": {"token_count": {"total_tokens": 7}},
    }


def test_exclude():
    """Everything but the named paths is kept."""
    chosen = shape(exclude=["request.ingress_payload", "response.inbound_headers.X-A", "session_id.deeper"])
    assert json.loads(shaped(DATA, chosen)) == {
        "session_id": "S_1_1_0",
        "request": {"gl_path": "/a/"},
        "response": {"token_count": {"total_tokens": 7}, "inbound_headers": {}},
    }


def test_include_and_exclude():
    """With both, excluded paths are removed from the included ones."""
    chosen = shape(include=["request"], exclude=["request.ingress_payload.messages"])
    assert json.loads(shaped(DATA, chosen)) == {"request": {"gl_path": "/a/", "ingress_payload": {"model": "m"}}}


LISTING = json.dumps(
    {
        "request": {"ingress_payload": {"model": "m"}, "unchanged": ["outbound_payload"]},
        "response": {"inbound_payload": {"a": 1}, "egress_payload": {"a": 2}},
    }
).encode()


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"include": ["request.outbound_payload.model"]}, {"outbound_payload": {"model": "m"}}),
        ({"exclude": ["request.ingress_payload"]}, {"outbound_payload": {"model": "m"}}),
        ({"exclude": ["request.outbound_payload"]}, {"ingress_payload": {"model": "m"}}),
        (
            {"exclude": ["response.inbound_payload"]},
            {"ingress_payload": {"model": "m"}, "unchanged": ["outbound_payload"]},
        ),
        ({"include": ["request"]}, {"ingress_payload": {"model": "m"}, "unchanged": ["outbound_payload"]}),
        (
            {"unchanged_payloads": "repeat"},
            {"ingress_payload": {"model": "m"}, "outbound_payload": {"model": "m"}},
        ),
        (
            {"unchanged_payloads": "repeat", "include": ["request"]},
            {"ingress_payload": {"model": "m"}, "outbound_payload": {"model": "m"}},
        ),
    ],
)
def test_unchanged_payloads(chosen, expected):
    """Paths lead to a payload also where the record only names it."""
    assert json.loads(shaped(LISTING, shape(**chosen)))["request"] == expected


def test_unchanged_payloads_of_odd_records():
    """Sections that are none stay as they are."""
    for section in (b"1", b"null", b"[]", b'"text"', b'{"unchanged":7}'):
        data = b'{"request":%b}' % section
        assert shaped(data, shape(unchanged_payloads="repeat")) == data


def test_bytes_of_what_stays():
    """Numbers and escapes of the remaining parts are not rewritten."""
    data = b'{"a": {"big": 123456789012345678901234567890, "text": "\\u00fc"}, "b": 1.50, "c": 0}'
    assert shaped(data, shape(exclude=["c"])) == (
        b'{"a":{"big": 123456789012345678901234567890, "text": "\\u00fc"},"b":1.50}'
    )


@pytest.mark.parametrize("data", [b"no json", b"[1]", b'"text"', b""])
def test_no_object(data):
    """Data without fields is not changed."""
    assert shaped(data, shape(include=["a"], flatten=True, max_field_length=1)) == data


def test_flatten():
    """Flattening yields one level, lists as JSON text, and names by Azure's rules."""
    fields = {"a": {"b-c": 1, "d": [1, {"e": 2}]}, "1st": True, "_x": None, "y": "z"}
    assert flattened(fields) == {"a_b_c": 1, "a_d": '[1,{"e":2}]', "f_1st": True, "x": None, "y": "z"}


@given(objects)
def test_columns(fields):
    """Whatever the input, columns are valid for Azure and contain no objects or lists."""
    columns = flattened(fields)
    assert len(columns) <= 200
    for name, value in columns.items():
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,44}", name)
        assert not isinstance(value, dict | list)


def record_of(number):
    """A call in which the client chooses as many names as it can."""
    own = f"own_{number}"
    headers = {f"X-{own}": ["1"], "Authorization": ["*****MASKED*****"]}
    body = {
        "model": "m",
        "stream": False,
        "metadata": {own: "1"},
        "response_format": {"json_schema": {"schema": {"properties": {own: {"type": "string"}}}}},
        own: {own: 1},
    }
    reply = {"id": "1", "usage": {"total_tokens": 7, own: 1}, own: 1}
    return {
        "session_id": "s",
        "request": {
            "gl_path": "/a/",
            "ingress_headers": headers,
            "ingress_payload": body,
            "ingress_query_parameters": {own: ["1"]},
            "outbound_headers": headers,
            "outbound_payload": body,
            "outbound_query_parameters": {},
            "outbound_query_parameters_overwritten": {own: ["1"]},
            "ingress_outbound_timer": {"start": "x", "stop": "y", "duration": 5},
        },
        "response": {
            "inbound_headers": headers,
            "inbound_payload": reply,
            "egress_headers": headers,
            "egress_payload": reply,
            "token_count": {"total_tokens": 7},
        },
    }


def test_callers_make_no_columns():
    """Whatever names clients choose for headers, parameters and fields, the columns stay those of the first call."""
    first = flattened(record_of(0))
    columns = set(first).union(*(flattened(record_of(number)) for number in range(1, 50)))
    assert columns == set(first)
    assert len(columns) < 50
    assert first["request_ingress_payload_model"] == "m"
    assert first["response_token_count_total_tokens"] == 7
    assert first["request_ingress_outbound_timer_duration"] == 5
    assert json.loads(first["request_ingress_headers"])["X-own_0"] == ["1"]
    assert json.loads(first["request_ingress_payload_metadata"]) == {"own_0": "1"}
    assert json.loads(first["request_ingress_payload_more"]) == {"own_0": {"own_0": 1}}
    assert json.loads(first["response_inbound_payload_usage"]) == {"total_tokens": 7, "own_0": 1}


def test_columns_that_the_config_names():
    """A path of `include` that leads into a payload or headers has a column, as in earlier versions."""
    chosen = ["response.inbound_payload.usage.total_tokens", "request.ingress_headers.X-own_3", "request.gl_path"]
    row = json.loads(shaped(json.dumps(record_of(3)).encode(), shape(include=chosen, flatten=True)))
    assert row == {
        "response_inbound_payload_usage_total_tokens": 7,
        "request_ingress_headers_X_own_3": '["1"]',
        "request_gl_path": "/a/",
    }


def test_the_most_columns_of_a_row():
    """What exceeds a row is in one of its columns, as JSON text."""
    row = flattened({"response": {"of_a_processor": {f"n{number}": number for number in range(300)}}})
    assert len(row) == 200
    rest = json.loads(row.pop("more_columns"))
    assert len(rest) == 101
    assert sorted((row | rest).values()) == list(range(300))


def test_long_names_stay_apart():
    """Shortened names stay distinct."""
    fields = flattened({"x" * 60 + "1": 1, "x" * 60 + "2": 2})
    assert sorted(fields.values()) == [1, 2]


@given(objects, st.integers(1, 200))
def test_cut(fields, longest):
    """No text is longer than the limit, and short ones are not changed."""

    def check(before, after):
        if isinstance(before, str):
            assert len(after) <= longest
            assert after == before or len(before) > longest
        elif isinstance(before, dict):
            assert before.keys() == after.keys()
            for name, item in before.items():
                check(item, after[name])
        elif isinstance(before, list):
            for one, other in zip(before, after, strict=True):
                check(one, other)
        else:
            assert before == after

    check(fields, cut(fields, longest))


def test_mark():
    """The mark has the original length of the text."""
    text = cut("x" * 1000, 50)
    assert text.endswith("[cut, 1000 characters]")
    assert len(text) == 50


@given(st.binary())
def test_one_line(data):
    """No line break is left, and only white space changes."""
    line = one_line(data)
    assert b"\n" not in line
    assert b"\r" not in line
    assert line.split() == data.split()


@given(objects)
def test_one_line_of_json(value):
    """The JSON value stays the same."""
    assert json.loads(one_line(json.dumps(value, indent=1).encode())) == value


def test_no_change():
    """Without a section nothing is changed."""
    assert not Shape.of({}).changes
    assert Shape.of({"flatten": True}).changes
