"""The values in the bucket of circuit breakers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.timer import Timestamp
from services.gl.resilience.breaker import Breaker, BreakerRules, opened
from services.gl.targets.breaker_update import BreakerUpdate, decode, encode

SECOND = 1_000_000_000
NOW = Timestamp(1_700_000_000 * SECOND, 500 * SECOND)
RULES = BreakerRules(open=30.0)


def later(seconds, skew=0.0):
    """The time by both clocks of a machine whose wall clock is ahead by `skew` seconds."""
    return Timestamp(NOW.wall_ns + round((seconds + skew) * SECOND), NOW.monotonic_ns + round(seconds * SECOND))


def read(data, now=NOW, **more):
    return decode(data, now, RULES, **more)


@given(ago=st.floats(0, 100), left=st.floats(0, 30), skew=st.floats(-1000, 1000), delay=st.floats(0, 1))
def test_fresh_update(ago, left, skew, delay):
    """Clocks of replicas may differ: of a fresh update only the differences count."""
    breaker = opened(500.0 - ago, 500.0 + left, "5 failures in a row")
    found = read(encode(BreakerUpdate(breaker, "me"), NOW), later(delay, skew), is_fresh=True)
    assert found.by == "me"
    assert found.breaker.reason == "5 failures in a row"
    assert found.breaker.opened == pytest.approx(500.0 + delay - ago, abs=1e-3)
    assert found.breaker.until == pytest.approx(500.0 + delay + left, abs=1e-3)


@given(left=st.floats(0, 30), delay=st.floats(0, 100))
def test_update_that_is_read_later(left, delay):
    """It ends when its writer said, however long ago that was: a process that died does not keep it open."""
    data = encode(BreakerUpdate(opened(499.0, 500.0 + left, "x")), NOW)
    found = read(data, later(delay))
    assert found.breaker.until == pytest.approx(500.0 + delay + max(left - delay, 0.0), abs=1e-3)


@pytest.mark.parametrize(("delay", "is_open"), [(29, True), (629, True), (631, False)])
def test_long_ago(delay, is_open):
    """Ten minutes after its end an update is forgotten, if it was not written just now."""
    data = encode(BreakerUpdate(opened(500.0, 530.0, "x"), "me"), NOW)
    assert (read(data, later(delay)).breaker.opened is not None) is is_open
    assert read(data, later(delay), is_fresh=True).breaker.opened is not None


@given(until=st.datetimes(), at=st.datetimes(), since=st.datetimes(), is_fresh=st.booleans())
def test_never_open_for_longer_than_our_own_rules(until, at, since, is_fresh):
    """Whatever a value says."""
    data = {"state": "open", "until": f"{until}Z", "at": f"{at}Z", "opened": f"{since}Z"}
    found = read(json.dumps(data).encode(), is_fresh=is_fresh)
    if found is not None:
        assert found.breaker.until <= 530.0
        assert found.breaker.opened is None or (found.breaker.opened <= 500.0 <= found.breaker.until)


def test_closed():
    """Without times that matter."""
    assert read(encode(BreakerUpdate(Breaker(in_a_row=3), "me"), NOW)) == BreakerUpdate(Breaker(), "me")


@given(st.one_of(st.binary(), st.text().map(str.encode), st.from_type(dict).map(lambda _: b"{}")))
def test_garbage(data):
    """What is no update is none, and raises nothing."""
    assert read(data) is None


VALID = {
    "state": "open",
    "until": "2023-11-14T22:13:30Z",
    "at": "2023-11-14T22:13:20Z",
    "opened": "2023-11-14T22:13:20Z",
}


@pytest.mark.parametrize(
    "change",
    [
        {"state": "half_open"},
        {"state": None},
        {"until": "soon"},
        {"until": 3},
        {"until": "2023-11-14T22:13:30"},
        {"at": None},
        {"opened": "9999-99-99T00:00:00Z"},
        {"reason": "x" * 5000},
    ],
)
def test_invalid(change):
    """Each field has to be valid, and the value short."""
    assert read(json.dumps(VALID).encode()) is not None
    assert read(json.dumps(VALID | change).encode()) is None


@pytest.mark.parametrize("wrong", [{"reason": 3}, {"by": []}, {"more": 1}])
def test_tolerated(wrong):
    """Texts of a wrong type are empty, and other fields are ignored."""
    assert read(json.dumps(VALID | wrong).encode()) == BreakerUpdate(opened(500.0, 510.0, ""), "")
