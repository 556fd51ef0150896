"""Names with `*`."""

import re
from itertools import starmap

from hypothesis import given
from hypothesis import strategies as st

from gecholog.glob import matches, matches_any, most_specific

names = st.text("ab/*.", max_size=8)


@given(names, st.text("ab/.", max_size=8))
def test_matches_as_a_regular_expression_would(pattern, name):
    """`*` is any characters, everything else is itself."""
    wanted = ".*".join(map(re.escape, pattern.split("*")))
    assert matches(pattern, name) == (re.fullmatch(wanted, name) is not None)


def test_takes_no_time_that_grows_by_powers():
    """A client that sends a long name does not hold up the gateway."""
    assert not matches("a*" * 50 + "b", "a" * 100_000)


@given(st.lists(names, max_size=5), st.text("ab/.", max_size=6))
def test_the_most_specific_one(patterns, name):
    """Of the patterns that take a name, the one with the most characters of its own."""
    found = most_specific(patterns, name)
    assert (found is not None) == matches_any(patterns, name)
    if found is not None:
        taking = [one for one in patterns if matches(one, name)]
        assert len(found.replace("*", "")) == max(len(one.replace("*", "")) for one in taking)


def test_letter_case_counts():
    """Names of models are compared as they are."""
    assert list(starmap(matches, [("A", "a"), ("a*", "A1"), ("a*", "a1")])) == [False, False, True]
