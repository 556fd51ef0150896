"""Failover: in which order candidates are tried, and when a target wants to be asked again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.attempt.failover import each_once, has_failed, is_simple, is_time_for, retry_after, total_timeout
from services.gl.candidates.candidate import Candidate
from services.gl.resilience.breaker import BreakerRules
from services.gl.resilience.failures import fail_on
from services.gl.resilience.rules import ResilienceRules
from services.gl.routing.routers import Router, Timeouts, parse_target

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


def router_with(*, total=None, models=(), **rules):
    target = parse_target("http://t", "", {}, Timeouts(total=total))
    return Router("/a/", {}, target, resilience=ResilienceRules(**rules), models=models)


def test_is_simple():
    """One target, of which nothing is counted and which is not tried again."""
    plain = [Candidate(router_with())]
    assert is_simple(plain, ResilienceRules())
    assert not is_simple(CANDIDATES, ResilienceRules())
    assert not is_simple(plain, ResilienceRules(retries=1))
    assert not is_simple(plain, ResilienceRules(fallbacks=("/b/",)))
    assert not is_simple([Candidate(router_with(breaker=BreakerRules()))], ResilienceRules())


def test_total_timeout():
    """The time-out of the call's own router limits all attempts that its config makes possible."""
    assert total_timeout(router_with(total=5.0, retries=1)) == 5.0
    assert total_timeout(router_with(total=5.0, fallbacks=("/b/",))) == 5.0
    assert total_timeout(router_with(total=5.0, models=("*",))) == 5.0
    assert total_timeout(router_with(retries=1)) is None
    assert total_timeout(router_with(total=5.0)) is None  # of one attempt: that of its target


@given(st.floats(0, 100), st.floats(0, 100))
def test_is_time_for(pause, now):
    """A pause ends before the deadline, or there is no other attempt."""
    assert is_time_for(pause, None, now)
    assert is_time_for(pause, 50.0, now) == (now + pause < 50.0)


@pytest.mark.parametrize(
    ("fault", "status", "expected"), [("", 200, False), ("", 503, True), ("refused", 502, True), ("refused", 200, True)]
)
def test_has_failed(fault, status, expected):
    """No response at all, or one with a status that the router counts as a failure."""
    assert has_failed(fault, status, ResilienceRules()) is expected
    assert has_failed("", 404, ResilienceRules(fail_on=fail_on(["4xx"])))
