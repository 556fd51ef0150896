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


# Clocks change at midnight, by half an hour, on Fridays, in the southern summer, below a quarter of a year apart.
CHANGING = sorted(
    {
        *("Africa/Cairo", "Africa/Casablanca", "America/Asuncion", "America/Havana", "America/St_Johns"),
        *("Asia/Beirut", "Asia/Gaza", "Atlantic/Azores", "Australia/Lord_Howe", "Europe/London", "Pacific/Chatham"),
    }
    & available_timezones()
)
CALENDAR = [Period.DAY, Period.WEEK, Period.MONTH]


def changes_of(time_zone):
    """The hours in which the clocks of a zone changed in fifteen years, in milliseconds."""
    hours = range(ms("2015-01-01T00:00:00+00:00"), ms("2030-01-01T00:00:00+00:00"), HOUR)
    shifts = [datetime.fromtimestamp(at / 1000, zone(time_zone)).utcoffset() for at in hours]
    return [at for at, before, after in zip(hours[1:], shifts, shifts[1:], strict=False) if before != after]


@pytest.mark.parametrize("time_zone", CHANGING)
def test_periods_around_changes_of_the_clocks(time_zone):
    """Days, weeks and months follow each other without gaps, and begin at the first moment of a day."""
    for change in changes_of(time_zone):
        for minutes in (*range(-27 * 60, 27 * 60, 37), -30, -1, 0, 1, 30):
            now = change + minutes * 60_000
            begins, ends = bounds(Period.HOUR, time_zone, now)
            assert begins <= now < ends <= now + HOUR
            for period in CALENDAR:
                begins, ends = bounds(period, time_zone, now)
                assert begins <= now < ends
                assert bounds(period, time_zone, ends)[0] == ends
                assert bounds(period, time_zone, begins) == (begins, ends)
                first, before = (datetime.fromtimestamp(at / 1000, zone(time_zone)) for at in (begins, begins - 1))
                assert first.date() > before.date()


@pytest.mark.parametrize("name", ["", "Mars", "+2", "+02:07", "+99:00", "/etc/localtime", "../UTC"])
def test_unknown_zone(name):
    with pytest.raises(ValueError, match="time zone"):
        zone(name)
