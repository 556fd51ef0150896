"""JSON that is a little off."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.lenient import Strict, loads, strict

MARK = "byte order mark left out"
UTF8 = "bytes that are not UTF-8 replaced"
NULL = "NaN and Infinity read as null"
CONTROLS = "control characters in strings escaped"

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1}',
        b'\r\n\n  {"a" : 1}\n',
        b'{"a":1e999,"a":2,"n":123456789012345678901234567890,"z":1.10}',
        b'["\\ud800","\\uD83D\\uDE00","\\\\ud800"]',
        b"null",
        b'"NaN"',
    ],
)
def test_what_is_json_stays(data):
    """Not a byte of JSON is changed: digits, escapes (lone surrogates too), names that come twice, blank lines."""
    assert strict(data) == Strict(data)


@pytest.mark.parametrize(
    ("data", "meant", "repairs"),
    [
        (b'\xef\xbb\xbf{"a":1}', b'{"a":1}', (MARK,)),
        (b'\xef\xbb\xbf\n\n{"a":1}', b'\n\n{"a":1}', (MARK,)),
        (b'{"a":NaN,"b":[-Infinity, Infinity]}', b'{"a":null,"b":[null, null]}', (NULL,)),
        (b'{"NaN":NaN,"t":"NaN, \\" NaN","u":"\\\\"}', b'{"NaN":null,"t":"NaN, \\" NaN","u":"\\\\"}', (NULL,)),
        (b'["\xff ok"]', '["\ufffd ok"]'.encode(), (UTF8,)),
        (b'{"\xe9":"\xed\xa0\x80"}', '{"\ufffd":"\ufffd\ufffd\ufffd"}'.encode(), (UTF8,)),
        (b'{\n"a":"x\ny\tz\x00"}', b'{\n"a":"x\\u000ay\\u0009z\\u0000"}', (CONTROLS,)),
        (
            b'\xef\xbb\xbf{"a":NaN,"b":"\xff\n","c":1.10}',
            '{"a":null,"b":"\ufffd\\u000a","c":1.10}'.encode(),
            (MARK, UTF8, NULL, CONTROLS),
        ),
        ('{"a":"é"}'.encode("utf-16"), '{"a":"é"}'.encode(), ("UTF-16 read as UTF-8",)),
        ('{"a":"é"}'.encode("utf-16-le"), '{"a":"é"}'.encode(), ("UTF-16-LE read as UTF-8",)),
        ('["é"]'.encode("utf-32-be"), '["é"]'.encode(), ("UTF-32-BE read as UTF-8",)),
    ],
)
def test_repairs(data, meant, repairs):
    """What is off is repaired and named; all else stays the bytes that came."""
    assert strict(data) == Strict(meant, repairs)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xef\xbb\xbf",
        b"hello NaN",
        b"NaN",
        b"{",
        b'{"a":NaNa}',
        b'{"a":-NaN}',
        b"[1,]",
        b"{'a':1}",
        b'{"a":1}{"b":2}',
        b'{"a":1}\x00',
        b"\x89PNG\r\n\x1a\n\xff",
        b'{"a":"\xff',
        b"[" * 100_000,
        '{"a":'.encode("utf-16"),
        b"\xff\xfe{",
        b'{"a":"' + b"\n" * 300_000 + b'"}',  # more repairs than anybody wants to wait for
    ],
)
def test_what_is_no_json(data):
    """No repair makes JSON of what is none."""
    assert strict(data) is None
    with pytest.raises(NotJson):
        loads(data)


@given(values, st.booleans(), st.sampled_from([None, "\t", 1]))
def test_what_python_writes(value, ascii_only, indent):
    """Python's json writes NaN and Infinity: it can be read, as null, and nothing else is changed."""
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    found = strict(data)
    assert rawjson.is_json(found.data)
    expected = json.loads(data.decode("utf-8", "replace"), parse_constant=lambda _: None)
    assert json.loads(found.data) == expected
    assert (found.data == data) == (not found.repairs)


@given(
    st.binary(max_size=200) | st.lists(st.sampled_from(list(b'{}[]":,\\NaIfinty-\n\xff\xef1')), max_size=40).map(bytes)
)
def test_anything(data):
    """Whatever the bytes are: JSON comes out, or nothing."""
    found = strict(data)
    if found is not None:
        assert rawjson.is_json(found.data)
        assert (found.data == data) == (not found.repairs) == rawjson.is_json(data)


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 131_071])
def test_borders_of_slices(size):
    """An escape or a character that is divided by the size of the slices is no other."""
    for middle in (b"\\\\", b"\\\\\\\\", b'\\"', "é".encode(), "😀".encode()):
        data = b'["' + b"x" * (size - 4) + middle * 3 + b'","\xff",NaN]'
        found = strict(data)
        assert found.repairs == (UTF8, NULL)
        assert found.data == data.replace(b"\xff", "\ufffd".encode()).replace(b",NaN]", b",null]")


def test_loads():
    """The value, which can be dumped again."""
    assert loads(b'\xef\xbb\xbf{"a":NaN,"b":"\xff\n","c":1e999}') == {"a": None, "b": "\ufffd\n", "c": math.inf}
    assert loads(b'{"a":123456789012345678901234567890,"b":NaN}') == {"a": 123456789012345678901234567890.0, "b": None}
    assert loads(b'["\\ud800"]') == ["\ud800"]
