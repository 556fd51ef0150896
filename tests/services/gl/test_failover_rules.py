"""Failover: what a failure is, and which candidate comes next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.attempt import Candidate
from services.gl.failover import has_failed, next_candidate, retry_after
from services.gl.routing import Router, parse_target

CANDIDATES = [Candidate(Router(f"/{name}/", {}, parse_target("http://t", "", {}))) for name in "abcd"]


@given(status=st.integers(100, 999))
def test_has_failed(status):
    """408, 429 and 5xx are failures; any other status is an answer."""
    assert has_failed(status) == (status in (408, 429) or 500 <= status <= 599)


@given(candidates=st.lists(st.sampled_from(CANDIDATES), min_size=1))
def test_each_candidate_once(candidates):
    """Until nothing is left each candidate is tried, in the order in which they are listed, and none twice."""
    tried = [candidates[0]]
    while (candidate := next_candidate(candidates, tried)) is not None:
        tried.append(candidate)
    assert [one.router.path for one in tried] == list(dict.fromkeys(one.router.path for one in candidates))


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
