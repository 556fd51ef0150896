"""Timers of the record."""

from datetime import UTC, datetime, timedelta

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gecholog.timer import Moment, now, rfc3339, span

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WALLS = st.integers(0, 253402300799 * 10**9)  # up to the year 9999


@given(st.lists(WALLS, max_size=4))
def test_rfc3339(walls):
    """The text is the very moment, to the nanosecond, whatever was asked before."""
    for wall in walls:
        text = rfc3339(wall)
        assert len(text) == len("2026-01-01T00:00:00.000000000Z")
        head, _, fraction = text.removesuffix("Z").partition(".")
        assert EPOCH + timedelta(seconds=wall // 10**9) == datetime.fromisoformat(f"{head}+00:00")
        assert int(fraction) == wall % 10**9


@given(st.lists(WALLS, min_size=2))
def test_texts_sort_as_moments(walls):
    """Nine decimals always, so that texts sort as the moments do."""
    assert sorted(map(rfc3339, walls)) == [rfc3339(wall) for wall in sorted(walls)]


@given(WALLS, st.integers(0, 10**17), st.integers(-(10**12), 10**15), st.integers(-(10**7), 10**7))
def test_span(wall, tick, elapsed, off):
    """The duration comes from the steady clock, whatever the wall clock does meanwhile, and is never negative."""
    drift = elapsed + off
    start = Moment(wall, tick)
    stop = Moment(wall + drift, tick + elapsed)
    result = orjson.loads(orjson.dumps(span(start, stop)))
    assert list(result) == ["start", "stop", "duration"]
    assert result["start"] == rfc3339(wall)
    assert result["duration"] == max(0, elapsed) // 1_000_000
    agreed = abs(wall + drift - wall - max(0, elapsed)) <= 1_000_000 and drift >= 0
    assert result["stop"] == rfc3339(wall + (drift if agreed else max(0, elapsed)))
    assert result["start"] <= result["stop"]


def test_now():
    """Two moments in a row are in order."""
    first, second = now(), now()
    assert first.tick <= second.tick
    assert rfc3339(first.wall).startswith("2")
