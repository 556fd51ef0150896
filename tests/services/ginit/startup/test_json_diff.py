"""Differences of JSON values, field by field."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ginit.startup.json_diff import MISSING, Difference, differences


def found(before, after):
    return {one.path: (one.before, one.after) for one in differences(before, after)}


def lines(before, after):
    return [line for one in differences(before, after) for line in one.lines()]


def test_fields_by_their_paths():
    """What differs, what only one has; what is in a field that only one has is not listed once more."""
    before = {"a": 1, "b": {"c": 1, "d": {"e": 1}}, "f": "x"}
    after = {"b": {"c": 2}, "a": 1, "f": "x", "g": {"h": 1}}
    assert found(before, after) == {
        "b.c": (1, 2),
        "b.d": ({"e": 1}, MISSING),
        "g": (MISSING, {"h": 1}),
    }


def test_entries_by_what_identifies_them():
    """An entry in between is one difference, and not one for each behind it."""
    entries = [{"path": f"/{name}/", "n": 1} for name in "abc"]
    mine = {"path": "/mine/"}
    assert found({"r": [entries[0], mine, *entries[1:]]}, {"r": entries}) == {"r[/mine/]": (mine, MISSING)}
    changed = [*entries[:2], {"path": "/c/", "n": 2}]
    assert found({"r": entries}, {"r": changed}) == {"r[/c/].n": (1, 2)}


def test_order_of_entries():
    """It is told once, of those that both have."""
    one, two, new = {"name": "one"}, {"name": "two"}, {"name": "new"}
    assert found([one, two], [two, new, one]) == {
        "[new]": (MISSING, new),
        " (order)": (["one", "two"], ["two", "one"]),
    }


def test_rows_of_entries():
    """Rows are compared one by one, if there are as many; else the list is shown as it is."""
    before = [[{"name": "a", "timeout": 1}], [{"name": "b"}]]
    assert found({"p": before}, {"p": [[{"name": "a", "timeout": 2}], [{"name": "b"}]]}) == {"p[0][a].timeout": (1, 2)}
    assert found({"p": before}, {"p": before[:1]}) == {"p": (before, before[:1])}


def test_lists_of_texts():
    """Only the texts that one of them has; with the same texts it is the order that differs."""
    assert lines({"h": ["a", "b", "c"]}, {"h": ["a", "c", "d"]}) == ['- h[]: "b"', '+ h[]: "d"']
    assert found({"h": ["a", "b"]}, {"h": ["b", "a"]}) == {"h": (["a", "b"], ["b", "a"])}
    assert found({"h": ["a", "a"]}, {"h": ["a"]}) == {"h": (["a", "a"], ["a"])}


def test_entries_that_nothing_identifies():
    """Then the lists are shown as they are, and so are entries of the same name."""
    for before, after in (([{"a": 1}], [{"a": 2}]), ([{"name": "a"}, {"name": "a"}], [{"name": "a"}]), ([1], [{}])):
        assert found({"l": before}, {"l": after}) == {"l": (before, after)}


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), (None, MISSING), ("1", 1), ([], {}), ({}, None)])
def test_values_of_other_types(one, other):
    """They differ, also where Python holds them for the same."""
    before, after = ({"a": value} if value is not MISSING else {} for value in (one, other))
    assert found(before, after) == {"a": (one, other)}
    assert found(after, before) == {"a": (other, one)}


def test_lines():
    """A value stands behind its path; one that is too long for a line is laid out."""
    assert list(Difference("a.b", {"c": [1, None]}, MISSING).lines()) == ['- a.b: {"c": [1, null]}']
    long = {"text": "x" * 100}
    assert list(Difference("a", 1, long).lines()) == ["- a: 1", "+ a: {", f'+   "text": "{"x" * 100}"', "+ }"]
    assert list(Difference("", 1, 2).lines()) == ["- the whole file: 1", "+ the whole file: 2"]


def test_lines_cannot_control_the_terminal():
    """Names and values may hold anything."""
    assert lines({"\x1b[2J": "\x1b[2J\u202e"}, {}) == ['- \\x1b[2J: "\\u001b[2J\\u202e"']


_NAMES = st.sampled_from(["name", "path", "a", "b", "c"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["x", "y", "z"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=15,
)


def shuffled(value, chance):
    """The same value with the fields of its objects in another order."""
    if isinstance(value, list):
        return [shuffled(item, chance) for item in value]
    if not isinstance(value, dict):
        return value
    names = list(value)
    chance.shuffle(names)
    return {name: shuffled(value[name], chance) for name in names}


@given(_JSON, st.integers())
def test_same_value_has_no_differences(value, seed):
    """Whatever its layout and the order of its fields."""
    again = json.loads(json.dumps(shuffled(value, random.Random(seed)), indent=7))
    assert list(differences(value, again)) == []


@given(_JSON, _JSON)
def test_other_value_has_differences(one, other):
    """There are some if and only if the values differ, each is one, and turned round they are the same."""
    forth, back = list(differences(one, other)), list(differences(other, one))
    is_same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert bool(forth) is not is_same

    def key(path, before, after):
        return path, *("missing" if value is MISSING else json.dumps(value) for value in (before, after))

    keys = [key(d.path, d.before, d.after) for d in forth]
    assert all(before != after for _, before, after in keys)
    assert sorted(keys) == sorted(key(d.path, d.after, d.before) for d in back)
