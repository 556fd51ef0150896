"""The updates that replicas exchange."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.timer import Timestamp
from processors.broker.health import BreakerState, Health
from processors.broker.health_update import DurationBounds, HealthUpdate, decode, encode

HERE = Timestamp(1_700_000_000_000_000_000, 5_000_000_000_000)
THERE = Timestamp(1_700_000_000_000_000_000, 77_000_000_000)
USUAL, LONGEST = 600.0, 3600.0
BOUNDS = DurationBounds(USUAL, LONGEST)


@given(st.sampled_from(BreakerState), st.floats(0, LONGEST), st.text(), st.text())
def test_there_and_back(state, left, reason, by):
    """A health arrives as it was sent, in the reader's time."""
    health = Health(state, 5000 + left, reason)
    update = decode(encode(HealthUpdate(health, by), HERE), THERE, BOUNDS)
    assert update.by == by.encode("utf-8", "replace").decode()
    assert update.health.state is state
    assert abs(update.health.half_open_at - (77 + left)) < 0.001


def test_in():
    """A target whose circuit breaker is closed again."""
    assert decode(encode(HealthUpdate(None, "me"), HERE), THERE, BOUNDS) == HealthUpdate(None, "me")


def test_for_people():
    """People can read an update."""
    data = json.loads(encode(HealthUpdate(Health(BreakerState.OPEN, 5600, "status 503"), "me"), HERE))
    times = {"until": "2023-11-14T22:23:20.000000000Z", "at": "2023-11-14T22:13:20.000000000Z"}
    assert data == {"state": "out", "reason": "status 503", "by": "me"} | times


@pytest.mark.parametrize(
    ("until", "left"),
    [
        (None, USUAL),
        ("soon", USUAL),
        (7, USUAL),
        ("2023-11-14T22:13:50Z", 30),
        ("2023-11-14T22:13:50", 30),
        ("2023-11-14T23:13:50+01:00", 30),
        ("2022-11-14T22:13:50Z", 0),
        ("2033-11-14T22:13:50Z", LONGEST),
    ],
)
def test_until(until, left):
    """In updates written by hand the time is optional. A time far in the past or future is limited."""
    data = json.dumps({"state": "out", "until": until}).encode()
    for is_fresh in (False, True):
        assert decode(data, THERE, BOUNDS, is_fresh=is_fresh) == HealthUpdate(Health(BreakerState.OPEN, 77 + left))


@pytest.mark.parametrize(
    ("ahead", "is_fresh", "left"),
    [
        (0, True, 60),
        (0, False, 60),
        (7200, True, 60),  # the reader's clock: two hours ahead
        (-7200, True, 60),
        (-7200, False, 60),
        (20, False, 40),  # read twenty seconds later, or by a clock that is fast
        (7200, False, 0),
    ],
)
def test_clocks_that_differ(ahead, is_fresh, left):
    """An update that is read at once lasts as long as its writer says, and never longer than that."""
    there = Timestamp(HERE.wall_ns + ahead * 1_000_000_000, THERE.monotonic_ns)
    update = decode(encode(HealthUpdate(Health(BreakerState.OPEN, 5060)), HERE), there, BOUNDS, is_fresh=is_fresh)
    assert update.health.half_open_at == pytest.approx(77 + left)


def test_strange_values():
    """Input that is not text is ignored, however deeply nested it is."""
    data = b'{"state": "out", "until": 5, "at": [], "reason": {"a": 1}, "by": ' + b"[" * 900 + b"]" * 900 + b"}"
    assert decode(data, THERE, BOUNDS) == HealthUpdate(Health(BreakerState.OPEN, 77 + USUAL))


@pytest.mark.parametrize("data", [b"", b"x", b"[]", b"{}", b'{"state": "tired"}', b'{"state": ["out"]}', b"\xff"])
def test_no_notice(data):
    """Input that is not an update yields None."""
    assert decode(data, THERE, BOUNDS) is None
