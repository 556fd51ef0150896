"""Paths into JSON values, by example and by property."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.gjson import MISSING, get, parse

PERSON = {
    "name": {"first": "Ada", "in.out": 5, "": "nameless"},
    "list": [{"n": 11}, {"n": 12}, {"m": 13}, [1, 2, 3]],
    "0": "zero",
    "#": "hash",
    "a*b": "star",
    "nothing": None,
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


def escaped(name):
    return re.sub(r"([\\.*?|@!\[{#])", r"\\\1", name)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name.first", "Ada"),
        ("name", PERSON["name"]),
        ("name.in\\.out", 5),
        ("name.", "nameless"),
        ("list.0.n", 11),
        ("list.01.n", 12),
        ("list.#", 4),
        ("list.3.#", 3),
        ("list.#.n", [11, 12]),
        ("list.#.#", [3]),
        ("0", "zero"),
        ("#", "hash"),
        ("a\\*b", "star"),
        ("nothing", None),
        ("none", MISSING),
        ("name.first.more", MISSING),
        ("nothing.more", MISSING),
        ("list.4", MISSING),
        ("list.-1", MISSING),
        ("list.n", MISSING),
        ("list.²", MISSING),
        ("list." + "9" * 5000, MISSING),
    ],
)
def test_get(path, value):
    """Each form of a step leads where GJSON says."""
    assert get(PERSON, parse(path)) == value


@pytest.mark.parametrize(
    "path", ["", "..n", "a*", "a?c", "a|b", "a.#(n==1).m", "a.@reverse", "!x", "[a,b]", "{a,b}", "a.[b]", "a\\"]
)
def test_refused(path):
    """What is beyond our part of the syntax is refused with a sentence that does not repeat it."""
    with pytest.raises(ValueError, match=r"^must ") as caught:
        parse(path)
    assert not path or path not in str(caught.value)


@given(st.lists(st.text(), min_size=1, max_size=5).filter(lambda names: names[:2] != ["", ""]))
def test_names(names):
    """Any names lead through nested objects, if their signs have a backslash."""
    value = "found"
    for name in reversed(names):
        value = {name: value}
    path = ".".join(escaped(name) for name in names)
    if path:
        assert get(value, parse(path)) == "found"


@given(st.lists(json_values), st.integers(0, 10))
def test_indexes(items, index):
    """An index takes the item that Python's takes, or nothing."""
    expected = items[index] if index < len(items) else MISSING
    assert get({"a": items}, parse(f"a.{index}")) == expected
    assert get({"a": items}, parse("a.#")) == len(items)


@given(json_values, st.text(min_size=1))
def test_never_fails(value, text):
    """A path is refused when it is parsed, or it can be looked for in any value."""
    try:
        path = parse(text)
    except ValueError:
        return
    get(value, path)
