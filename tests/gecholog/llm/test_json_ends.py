"""Members of an object whose middle is missing."""

import json

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gecholog.llm.json_ends import first_members, last_members
from tests.gecholog.llm.samples import CALM

TEXTS = st.text(st.sampled_from('a"\\{}[]:,\n é😀'), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=5)


def dumped(value, indent, ascii_only):
    return json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()


@CALM
@given(OBJECTS, st.sampled_from([None, 1]), st.booleans())
def test_whole(value, indent, ascii_only):
    """Of an object that is whole both directions read all, and nothing is outside."""
    data = dumped(value, indent, ascii_only)
    for read in (first_members, last_members):
        members = read(b" " + data + b"\n")
        assert members.values(value.keys()) == value
        assert members.found.keys() == value.keys()
        assert members.outside.strip() == b""


@CALM
@given(OBJECTS, st.integers(0, 400), st.sampled_from([None, 1]), st.booleans())
@example({"a": 'x\\"', "b": 1}, 5, None, True)
def test_cut(value, at, indent, ascii_only):
    """Of an object that is cut anywhere, what is found is what is there, and it is the first or the last."""
    data = dumped(value, indent, ascii_only)
    at = min(at, len(data))
    head = data[:at]
    assume(
        (len(head) - len(head.rstrip(b"\\"))) % 2 == 0
    )  # inside an escape, `\"": 1}` is cut to what looks like a member
    first, last = first_members(data[:at]).values(value.keys()), last_members(data[at:]).values(value.keys())
    assert list(first.items()) == list(value.items())[: len(first)]
    assert {name: value[name] for name in last} == last
    assert set(last) == set(list(value)[len(value) - len(last) :])
    assert len(first) + len(last) <= len(value)


@CALM
@given(OBJECTS, TEXTS, TEXTS, st.integers(0, 400))
def test_inside(value, before, name, at):
    """Of an object in an object that is cut, the last members are found as those of a value whose name is not known."""
    data = dumped({"x": before, name or "y": value}, None, True)
    start = data.index(dumped(value, None, True)) + 1
    members = last_members(data[min(start + at, len(data) - 1) :])
    inner = members.inner_values(value.keys())
    assert {key: value[key] for key in inner} == inner


@pytest.mark.parametrize(
    "data", [b"", b"[1]", b"7", b'"a"', b"{", b"}", b"{]", b'{"a"}', b'{"a":1,}', b'{"a" 1}', b"\xff}"]
)
def test_no_object(data):
    """Of what is no object, members are found at most as far as it looks like one."""
    assert first_members(data).found.keys() <= {"a"}
    assert last_members(data).found.keys() <= {"a"}


@CALM
@given(st.binary())
def test_any_bytes(data):
    """Nothing raises."""
    first_members(data)
    last_members(data)


def test_names_twice():
    """Of a name that comes twice the last value counts, as parsers have it."""
    data = b'{"a":1,"b":2,"a":3}'
    assert first_members(data).values(["a", "b"]) == last_members(data).values(["a", "b"]) == {"a": 3, "b": 2}


def test_outside():
    """What is beyond the object is told."""
    assert last_members(b'{"a":1}\n{"b":2}\n').outside == b'{"a":1}'
    assert first_members(b'{"a":1}\n{"b":2}').outside == b'{"b":2}'
    assert last_members(b'"a":1}').outside is None
