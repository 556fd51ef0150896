"""Calendar periods."""

from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.quota.period import FOREVER, Period, bounds, zone

HOUR = 3_600_000
ZONES = ["UTC", "+02:00", "-03:30", *sorted({"Europe/Stockholm", "Asia/Kathmandu"} & available_timezones())]


def ms(text):
    """The milliseconds of a moment such as `2026-11-30T12:00:00+00:00`."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("period", "time_zone", "begins", "ends"),
    [
        (Period.HOUR, "UTC", "2026-11-30T23:00:00+00:00", "2026-12-01T00:00:00+00:00"),
        (Period.HOUR, "+00:15", "2026-11-30T22:45:00+00:00", "2026-11-30T23:45:00+00:00"),
        (Period.DAY, "UTC", "2026-11-30T00:00:00+00:00", "2026-12-01T00:00:00+00:00"),
        (Period.DAY, "+02:00", "2026-12-01T00:00:00+02:00", "2026-12-02T00:00:00+02:00"),
        (Period.WEEK, "UTC", "2026-11-30T00:00:00+00:00", "2026-12-07T00:00:00+00:00"),
        (Period.MONTH, "UTC", "2026-11-01T00:00:00+00:00", "2026-12-01T00:00:00+00:00"),
        (Period.MONTH, "+02:00", "2026-12-01T00:00:00+02:00", "2027-01-01T00:00:00+02:00"),
    ],
)
def test_bounds(period, time_zone, begins, ends):
    """A Monday, half past eleven in the evening (UTC), the last day of November."""
    now = ms("2026-11-30T23:30:00+00:00")
    assert bounds(period, time_zone, now) == (ms(begins), ms(ends))


def test_total():
    assert bounds(Period.TOTAL, "UTC", 5) == (0, FOREVER)


@pytest.mark.skipif("Europe/Stockholm" not in available_timezones(), reason="this machine has no time zones")
def test_the_day_on_which_the_clocks_change():
    """It has 25 hours in Stockholm, in October 2026."""
    begins, ends = bounds(Period.DAY, "Europe/Stockholm", ms("2026-10-25T12:00:00+00:00"))
    assert ends - begins == 25 * HOUR
    assert datetime.fromtimestamp(begins / 1000, UTC).isoformat() == "2026-10-24T22:00:00+00:00"


@given(st.sampled_from(list(Period)), st.sampled_from(ZONES), st.integers(0, 4_000_000_000_000))
def test_periods_follow_each_other(period, time_zone, now):
    """Each moment is in one period, and the next one begins where it ends."""
    begins, ends = bounds(period, time_zone, now)
    assert begins <= now < ends
    if period is not Period.TOTAL:
        assert bounds(period, time_zone, ends)[0] == ends
        assert bounds(period, time_zone, begins) == (begins, ends)


@pytest.mark.parametrize("name", ["", "Mars", "+2", "+99:00", "/etc/localtime", "../UTC"])
def test_unknown_zone(name):
    with pytest.raises(ValueError, match="time zone"):
        zone(name)
