"""JSON that travels as bytes."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gecholog import lenient, rawjson
from gecholog.errors import NotJson
from gecholog.llm import json_text
from gecholog.rawjson import Raw

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
ODD = [
    b'{"a":[1,-2.5e+3,"x\\u00e9\\n\xc3\xa9",true,false,null,{}],"b":{"c":""}}',
    b'[0,-0,0.0,1E5,"\\ud800","\\"","\x7f","\\/\\b\\f"]',
    b'{"\xc3\xa9":"\\ud83d\\ude00", "":\t1e999 }',
    b" \t\r\n1 ",
    b"\xef\xbb\xbf1",
    b'{"a":1,"a":2,"\\u0061":3}',
    b"NaN",
    b"[-Infinity]",
]
BYTES = b'{}[]",:\\u0123456789abcdefxtrnlEe+-. \t\r\n\x00\x1f\x7f\x80\xc3\xa9\xff\xed\xa0/'


def strict(data):
    """What the standard library says, its liberties (NaN, other encodings, byte order mark) taken away."""

    def no_constant(name):
        raise ValueError(name)

    return json.loads(data.decode("utf-8"), parse_constant=no_constant, parse_int=str, parse_float=str)


def is_strict_json(data):
    try:
        strict(data)
    except ValueError:
        return False
    return True


@st.composite
def mutated(draw):
    """JSON that someone has damaged: some bytes put in, left out, or exchanged."""
    data = bytearray(
        draw(st.sampled_from(ODD) | JSON.map(lambda value: json.dumps(value, ensure_ascii=False).encode()))
    )
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 2))
        data[at : at + cut] = bytes(draw(st.lists(st.sampled_from(BYTES), max_size=2)))
    return bytes(data)


@given(st.binary() | mutated())
@settings(max_examples=500)
@example(b"")
@example(b'"\xed\xa0\x80"')
@example(b'{"a\x01":1}')
@example(b"[" * 900 + b"]" * 900)
@example(b"9" * 10_000)
def test_is_json_agrees_with_the_standard_library(data):
    """What is JSON and what is not is what the standard library's strict decoding says."""
    assert rawjson.is_json(data) == is_strict_json(data)


@given(st.binary() | mutated())
@settings(max_examples=500)
@example(b'{"\xc3":1}')
@example(b'{"\xff":"\xff"}')
@example(b'{"\\ud800":1}')
@example(b' { "a" : "\\ud800" , "\\u0061":[1 ,2], "b":{} } ')
@example(b'{"a":"\\ud800",}')
@example(b'{"a":"\\ud800"}x')
@example(b'{"\\ud800":1,2:3}')
@example(b'["\\ud800"]')
@example(b'{"a":' + b"[" * 900 + b"]" * 900 + b"}")
def test_split_agrees_with_the_standard_library(data):
    """An object comes apart into the values that the standard library sees; all else is NotJson."""
    expected = strict(data) if is_strict_json(data) else None
    if not isinstance(expected, dict):
        with pytest.raises(NotJson):
            rawjson.split(data)
        return
    parts = rawjson.split(data)
    assert all(type(part) is Raw and part in data for part in parts.values())
    assert {name: strict(part) for name, part in parts.items()} == expected


@pytest.mark.parametrize("depth", [1_000, 1_100, 5_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b"[", b""), (b'{"a":', b"")])
def test_great_depth(depth, opening, closing):
    """What is nested too deeply to be read is no JSON for us; nothing else is raised, nothing crashes."""
    data = b'{"a":' + opening * depth + b"1" + closing * depth + b"}"
    rawjson.is_json(data)
    for read in (rawjson.split, rawjson.loads):
        try:
            value = read(data)
        except NotJson:
            continue
        assert list(value) == ["a"]


@given(JSON)
def test_round_trip(value):
    """What is written is read as the same value, on one line."""
    data = rawjson.dumps(value)
    assert json.loads(data) == value
    assert b"\n" not in data
    assert b"\r" not in data


@given(JSON, st.sampled_from([None, 1, 2]), st.sampled_from(["\n", "\r\n", "\r", " "]), st.booleans())
def test_raw_parts(value, indent, line_break, nested):
    """Raw goes in as it is, whatever its layout; the line stays one line, and the value the same."""
    text = json.dumps(value, indent=indent, ensure_ascii=False).replace("\n", line_break)
    raw = Raw(text.encode())
    data = rawjson.dumps({"a": [raw, {"b": raw}]} if nested else raw)
    assert b"\n" not in data
    assert b"\r" not in data
    parsed = json.loads(data)
    assert (parsed["a"][0] if nested else parsed) == value


def test_raw_bytes_stay():
    """Digits and escapes of a raw value are those that someone sent."""
    raw = b'{"n": 1.000000000000000000001e+400, "t": "\\u00e9\\/"}'
    assert rawjson.dumps({"p": Raw(raw)}) == b'{"p":' + raw + b"}"


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ("\ud800", b'"?"'),
        ({"\udcff": ["\udcff"]}, b'{"?":["?"]}'),
        (2**64, b"18446744073709551616"),
        ([-(2**70), True, None, 1.5], b"[-1180591620717411303424,true,null,1.5]"),
        ({"a": Raw(b"[1,\n2]"), "b": 2**65}, b'{"a":[1, 2],"b":36893488147419103232}'),
        ({}, b"{}"),
    ],
)
def test_what_orjson_refuses(value, data):
    """Lone surrogates are replaced, integers are written whatever their size."""
    assert rawjson.dumps(value) == data


def test_depth_that_orjson_refuses():
    """What could be read can be written, up to a depth that nobody needs."""
    data = b'{"a":' * 700 + b"1" + b"}" * 700
    assert rawjson.dumps(rawjson.loads(data)) == data
    nested = []
    for _ in range(5000):
        nested = [nested]
    with pytest.raises(ValueError, match="nested too deeply"):
        rawjson.dumps(nested)


@pytest.mark.parametrize("value", [b"bytes", {1: 2}, object(), {"a": {1}}, [2**70, b"x"], {"\ud800": 1, 2: 3}])
def test_what_is_no_json(value):
    """Other Python values are a TypeError, and never written as something else."""
    with pytest.raises(TypeError):
        rawjson.dumps(value)


@given(st.binary() | mutated())
def test_loads(data):
    """Everything that is JSON has a value; all else is NotJson."""
    if not is_strict_json(data):
        with pytest.raises(NotJson):
            rawjson.loads(data)
        return
    # integers beyond 64 bits may have lost digits
    assert with_floats(rawjson.loads(data)) == with_floats(json.loads(data.decode("utf-8")))


def with_floats(value):
    if isinstance(value, dict):
        return {name: with_floats(item) for name, item in value.items()}
    if isinstance(value, list):
        return [with_floats(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize("read", [rawjson.loads, lenient.loads, json_text.loads], ids=["strict", "lenient", "exact"])
def test_raw_is_read_like_any_bytes(read, monkeypatch):
    """orjson refuses subclasses of bytes, and the body of a call may be one: it must not be read by other means."""
    monkeypatch.delattr("json.loads")
    assert read(Raw(b'{"a":[1,2.5,"x"]}')) == {"a": [1, 2.5, "x"]}
