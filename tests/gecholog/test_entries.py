"""The rule for reloads: nothing in force is lost by a slip."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.entries import ConfigEntry, InForce, LeftOut, consequence, refusals
from gecholog.errors import Problem


def entry(name, kind="routers"):
    return ConfigEntry(kind, name, f"router {name}" if name else "routers[7]")


def left(name, kind="routers", closes=()):
    return LeftOut(entry(name, kind), (Problem("routers[7].x", "is wrong", 3),), closes)


def force(*names, closed=(), kind="routers"):
    return InForce(tuple(entry(name, kind) for name in names), frozenset(closed))


def lost(new, left_out, before):
    return [problem.consequence for problem in refusals(new, left_out, before)]


@pytest.mark.parametrize(
    ("new", "left_out", "before", "expected"),
    [
        # an entry in force that is wrong now
        (force("/b/"), [left("/a/")], force("/a/", "/b/"), ["router /a/ is in force now and would be lost"]),
        # left out of the file: deleted
        (force("/b/"), [], force("/a/", "/b/"), []),
        # new, or not in force before either
        (force("/b/"), [left("/a/")], force("/b/"), []),
        (force("/b/"), [left("/a/")], force("/b/", closed=["/a/"]), []),
        # another entry of this name is right
        (force("/a/"), [left("/a/")], force("/a/"), []),
        # another list
        (force("/b/"), [left("/a/")], force("/a/", kind="caps"), []),
        # without a name: it may be any that is missing, unless that is wrong by its own name
        (force("/b/"), [left("")], force("/b/"), []),
        (force("/b/"), [left("")], force("/a/", "/b/"), ["router /a/ is in force now and would be lost"]),
        (
            force(),
            [left(""), left("/a/")],
            force("/a/", "/b/"),
            ["router /b/ is in force now and would be lost", "router /a/ is in force now and would be lost"],
        ),
        # what is served may not be closed; what is closed already, or new, may
        (
            force("/b/"),
            [left("/c/", closes=("/b/", "/c/"))],
            force("/b/"),
            ["calls of /b/, which are served now, would be refused"],
        ),
        (force("/b/"), [left("/c/", closes=("/b/",))], force("/b/", closed=["/b/"]), []),
        (force("/b/"), [left("/c/", closes=("/c/",))], force("/b/"), []),
    ],
)
def test_refusals(new, left_out, before, expected):
    """A wrong entry may cost itself, never one that is in force."""
    assert lost(new, left_out, before) == expected


def test_the_problem_is_told():
    """The refusal keeps the place of what is wrong, and the rule that it breaks."""
    [problem] = refusals(force(), [left("/a/")], force("/a/"))
    assert (problem.path, problem.line, problem.rule) == ("routers[7].x", 3, "is wrong")


def test_consequence():
    """What follows, with the routers that are closed."""
    assert consequence("router /a/", ()) == "router /a/ is left out"
    assert consequence("cap /a/", ("/a/", "/b/")) == "cap /a/ is left out, and calls of /a/, /b/ are refused (503)"


NAMES = st.lists(st.sampled_from("abc"), unique=True, max_size=3)


@given(NAMES, NAMES, NAMES, st.booleans())
def test_nothing_is_lost_without_a_word(kept, wrong, before, unnamed):
    """Whatever is not refused keeps every entry in force that the file speaks of."""
    left_out = [left(name) for name in wrong] + ([left("")] if unnamed else [])
    if not lost(force(*kept), left_out, force(*before)):
        gone = set(before) - set(kept)
        assert not gone & set(wrong)
        assert not (unnamed and gone)
