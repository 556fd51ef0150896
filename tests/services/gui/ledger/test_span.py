"""Ranges of time in addresses: what they mean, and that a shared address means the same to everybody."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gui import time_zone
from services.gui.ledger.span import RANGES, WrongSpan, span_of

NOW = datetime(2026, 11, 30, 9, 28, 20, tzinfo=UTC).timestamp()
STOCKHOLM = "Europe/Stockholm"


def us(*parts, zone=STOCKHOLM):
    return int(datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp()) * 10**6


@pytest.mark.parametrize("name", RANGES)
def test_a_range_ends_now_or_a_moment_later(name):
    span = span_of({"range": name}, NOW, "24h", STOCKHOLM)
    late = span.end_us - int(NOW * 10**6)
    assert 0 <= late <= max(1, RANGES[name][1] // 2000) * 10**6
    assert span.end_us - span.start_us == RANGES[name][1] * 10**6
    assert span.before.end_us == span.start_us
    assert span.before.end_us - span.before.start_us == span.end_us - span.start_us
    assert (span.end_us - span.start_us) // 10**6 // span.step_seconds <= 180


def test_whole_days_begin_at_midnight_and_today_is_one_of_them():
    span = span_of({"range": "7d"}, NOW, "30d", STOCKHOLM, whole_days=True)
    assert span.start_us == us(2026, 11, 24)


def test_a_date_at_the_end_is_part_of_the_range():
    span = span_of({"from": "2026-10-24", "to": "2026-10-25", "zone": STOCKHOLM}, NOW, "24h", "UTC")
    assert (span.start_us, span.end_us) == (us(2026, 10, 24), us(2026, 10, 26))
    assert (span.end_us - span.start_us) / 3_600_000_000 == 49  # clocks go back


def test_times_are_local_to_the_zone_of_the_address():
    span = span_of({"from": "2026-10-25T02:30", "to": "2026-10-25T02:30+01:00", "zone": STOCKHOLM}, NOW, "24h", "UTC")
    assert span.end_us - span.start_us == 3_600_000_000  # the clock shows this time twice


@given(st.integers(0, 2_000_000_000), st.integers(60, 90 * 86_400), st.sampled_from([STOCKHOLM, "UTC", "Asia/Kolkata"]))
def test_the_address_of_a_span_is_that_span(start, length, zone):
    given = {"from": datetime.fromtimestamp(start, UTC).isoformat(), "zone": zone}
    given["to"] = datetime.fromtimestamp(start + length, UTC).isoformat()
    span = span_of(given, NOW, "24h", "UTC")
    again = span_of(span.query, NOW + 1000, "1h", "America/New_York")
    assert (again.start_us, again.end_us, again.zone) == (span.start_us, span.end_us, span.zone)


@pytest.mark.parametrize(
    "query",
    [
        {"range": "2w"},
        {"from": "yesterday"},
        {"from": "2026-11-30", "to": "2026-11-29"},
        {"from": "1969-01-01", "to": "1969-01-02"},
        {"from": "0001-01-01", "zone": "Asia/Tokyo"},
        {"from": "9999-12-31", "to": "9999-12-31"},
        {"from": "9999-12-30", "to": "9999-12-31T23:00"},
        {"from": "9999-12-30", "to": "9999-12-31T12:00", "zone": "Pacific/Apia"},
        {"from": "2010-01-01"},
        {"zone": "Mars/Olympus"},
        {"zone": "../../etc/passwd"},
        {"zone": "Europe"},
        {"zone": "x" * 5000},
    ],
)
def test_what_is_no_range_says_why(query):
    with pytest.raises(WrongSpan):
        span_of(query, NOW, "24h", "UTC")


def test_the_first_known_zone_counts():
    assert time_zone.first_of("", "Nowhere", "<script>", STOCKHOLM, "UTC") == STOCKHOLM
    assert time_zone.first_of("", "/etc/passwd") == "UTC"
