"""Counters: adding up, caps, periods, and what a new config keeps."""

from hypothesis import given
from hypothesis import strategies as st

from processors.tokencounter.counters import Counters

CAPS = {"/a/": {"prompt": 50, "total": 100}, "/b/": {"total": 100}, "/free/": {"total": 0}}


def counters():
    return Counters(CAPS, period=10, now=1000)


def test_a_cap_is_reached():
    """A router is exhausted when a count reaches its cap, not before; other routers are not."""
    counting = counters()
    counting.add("/a/", {"total": 99}, 1001)
    assert not counting.exhausted("/a/", 1001)
    counting.add("/a/", {"total": 1}, 1002)
    assert counting.exhausted("/a/", 1002)
    assert not counting.exhausted("/b/", 1002)


def test_any_field_counts():
    """One exhausted field is enough."""
    counting = counters()
    counting.add("/a/", {"prompt": 50, "total": 1}, 1001)
    assert counting.exhausted("/a/", 1001)


def test_no_cap():
    """A cap of 0 is none; fields and routers without a cap are free."""
    counting = counters()
    counting.add("/free/", {"total": 10**9}, 1001)
    counting.add("/b/", {"prompt": 10**9}, 1001)
    counting.add("/unknown/", {"total": 10**9}, 1001)
    assert not any(counting.exhausted(router, 1001) for router in ("/free/", "/b/", "/unknown/"))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), max_size=20))
def test_against_a_list(events):
    """At any moment that much is used as was added in the present period."""
    counting, history, now = counters(), [], 1000
    for amount, pause in events:
        now += pause
        counting.add("/b/", {"total": amount}, now)
        history.append((now, amount))
        began = now - (now - 1000) % 10
        used = sum(added for when, added in history if when >= began)
        assert counting.exhausted("/b/", now) == (used >= 100)


def test_a_new_config():
    """What stays capped goes on from its number, under the new cap; what is new begins at zero."""
    counting = counters()
    counting.add("/a/", {"prompt": 20, "total": 60}, 1001)
    counting.add("/free/", {"total": 70}, 1001)
    counting = counting.under({"/a/": {"total": 60}, "/free/": {"total": 71}, "/c/": {"total": 1}}, 10, 1002)
    assert counting.exhausted("/a/", 1002)
    assert not counting.exhausted("/free/", 1002)
    assert not counting.exhausted("/c/", 1002)
    counting.add("/free/", {"total": 1}, 1002)
    assert counting.exhausted("/free/", 1002)


def test_a_new_period():
    """A new length counts from the beginning of the present period."""
    counting = counters()
    counting.add("/b/", {"total": 100}, 1001)
    longer = counting.under(CAPS, 20, 1005)
    assert longer.exhausted("/b/", 1019)
    assert not longer.exhausted("/b/", 1020)
    shorter = counting.under(CAPS, 3, 1005)
    assert not shorter.exhausted("/b/", 1005)


def test_the_old_counters_stay():
    """A config that is not taken in the end has changed nothing."""
    counting = counters()
    counting.add("/b/", {"total": 99}, 1001)
    counting.under(CAPS, 10, 1001).add("/b/", {"total": 1}, 1001)
    assert not counting.exhausted("/b/", 1001)
