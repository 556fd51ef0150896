"""The members of a JSON object and their places."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.llm.top_level import top_level

texts = st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
spaces = st.text(" \t\r\n", max_size=3)


@given(st.lists(st.tuples(st.sampled_from("ab") | texts, values), max_size=6), st.data(), st.booleans())
def test_names_and_places(pairs, data, is_ascii):
    """Each member, also of a name that is there already; the place is that of the value alone."""

    def spelled(value):
        space = data.draw(spaces), data.draw(spaces)
        return space[0] + json.dumps(value, ensure_ascii=is_ascii) + space[1]

    text = ",".join(f"{spelled(name)}:{spelled(value)}" for name, value in pairs)
    body = f" {{{text}}}\n".encode()
    found = top_level(body)
    assert [(member.name, json.loads(body[member.start : member.end])) for member in found] == pairs
    assert all(body[member.start : member.end].strip() == body[member.start : member.end] for member in found)


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b"{", b'{"a"}', b'{"a":1}x', b'{"a":1,}', b"{a:1}", b"\xff"])
def test_what_is_no_object(body):
    """None."""
    assert top_level(body) is None


def test_errors_that_are_forgiven():
    """What `gecholog.lenient` repairs is walked over."""
    body = b'{"a": [NaN, -Infinity], "b": "\x01\xff NaN", "c": "\\ud800", "d": NaN, "e": 1}'
    assert [body[one.start : one.end] for one in top_level(body)] == [
        b"[NaN, -Infinity]",
        b'"\x01\xff NaN"',
        b'"\\ud800"',
        b"NaN",
        b"1",
    ]


@given(st.binary(max_size=60))
def test_any_bytes(body):
    """Nothing raises."""
    top_level(body)
