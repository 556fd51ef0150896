"""Failover: in which order candidates are tried, and when a target wants to be asked again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.attempt import Candidate
from services.gl.failover import each_once, retry_after
from services.gl.routing import Router, parse_target

CANDIDATES = [Candidate(Router(f"/{name}/", {}, parse_target("http://t", "", {}))) for name in "abcd"]


@given(candidates=st.lists(st.sampled_from(CANDIDATES)))
def test_each_candidate_once(candidates):
    """In the order in which they are listed, none twice."""
    found = [one.router.path for one in each_once(candidates)]
    assert found == list(dict.fromkeys(one.router.path for one in candidates))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        (["30"], "30"),
        (["30", "40"], "30"),
        (["Fri, 31 Dec 1999 23:59:59 GMT"], "Fri, 31 Dec 1999 23:59:59 GMT"),
        (["x" * 64], "x" * 64),
        (["x" * 65], None),
        (["x" * 65, "7"], "7"),
    ],
)
def test_retry_after(values, expected):
    """The first value that is not longer than any such thing."""
    assert retry_after({"Retry-After": values}) == expected
    assert retry_after({}) is None
