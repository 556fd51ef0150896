"""Timers of the record."""

from datetime import UTC, datetime, timedelta
from time import monotonic_ns

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gecholog import timer
from gecholog.timer import now, rfc3339, span, span_text, wall_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WALLS = st.integers(0, 253402300799 * 10**9)  # up to the year 9999
STALL_NS = 2 * 10**9  # a process may be held up between its readings of two clocks; a wrong unit is off by far more


@given(st.lists(WALLS, max_size=4))
def test_rfc3339(walls):
    """The text is exact to the nanosecond, whatever was asked before."""
    for wall in walls:
        text = rfc3339(wall)
        assert len(text) == len("2026-01-01T00:00:00.000000000Z")
        head, _, fraction = text.removesuffix("Z").partition(".")
        assert EPOCH + timedelta(seconds=wall // 10**9) == datetime.fromisoformat(f"{head}+00:00")
        assert int(fraction) == wall % 10**9


@given(st.lists(WALLS, min_size=2))
def test_texts_sort_by_time(walls):
    """There are always nine decimals, so that texts sort by time."""
    assert sorted(map(rfc3339, walls)) == [rfc3339(wall) for wall in sorted(walls)]


def nanoseconds(text):
    """Nanoseconds since 1970 of a text that `rfc3339` made."""
    head, _, fraction = text.removesuffix("Z").partition(".")
    assert len(fraction) == 9
    return int((datetime.fromisoformat(f"{head}+00:00") - EPOCH).total_seconds()) * 10**9 + int(fraction)


@given(st.lists(st.tuples(st.integers(-(10**12), 10**10), st.integers(-(10**9), 10**11)), min_size=1, max_size=5))
def test_span(taken):
    """Start, stop and duration agree to the nanosecond, at any distance from now and whatever was asked before."""
    for ago, elapsed in taken:
        start = monotonic_ns() - ago
        result = orjson.loads(orjson.dumps(span(start, start + elapsed)))
        assert list(result) == ["start", "stop", "duration"]
        assert nanoseconds(result["stop"]) - nanoseconds(result["start"]) == max(0, elapsed)
        assert result["duration"] == max(0, elapsed) // 1_000_000
        expected = wall_of(max(start, start + elapsed))
        assert abs(nanoseconds(result["stop"]) - expected) < STALL_NS  # the clocks drift, and take time to read


def test_a_wall_clock_that_is_set(monkeypatch):
    """It changes the time of day of what is told, soon, and no duration."""
    start = monotonic_ns()
    before = orjson.loads(span_text(start, start + 5_000_000))
    real = timer.time_ns
    monkeypatch.setattr(timer, "time_ns", lambda: real() - 3600 * 10**9)
    monkeypatch.setattr(timer, "_TRUSTED", 0)
    timer._second_of(monotonic_ns())
    after = orjson.loads(span_text(start, start + 5_000_000))
    assert after["duration"] == before["duration"] == 5
    assert abs(nanoseconds(before["start"]) - nanoseconds(after["start"]) - 3600 * 10**9) < STALL_NS
    assert nanoseconds(after["stop"]) - nanoseconds(after["start"]) == 5_000_000
    monkeypatch.undo()
    timer._second_of(monotonic_ns())


def test_now():
    """Two readings in a row are in order."""
    first, second = now(), now()
    assert first.monotonic_ns <= second.monotonic_ns
    assert rfc3339(first.wall_ns).startswith("2")
