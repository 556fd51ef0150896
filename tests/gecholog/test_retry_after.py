"""The header Retry-After."""

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.retry_after import seconds, seconds_of_ms

NOW = 60.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("1.5", 1.5),
        ("99999999999", 99999999999.0),
        ("9" * 400, math.inf),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:01:40 -0000", 40.0),
        ("Thursday, 01-Jan-70 00:01:40 GMT", 40.0),
        ("Thu Jan  1 00:01:40 1970", 40.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ],
)
def test_seconds(value, expected):
    """A number, or a date in one of HTTP's three formats (RFC 9110, section 5.6.7)."""
    assert seconds(value, NOW) == expected


@pytest.mark.parametrize("value", ["", "-5", "+5", "soon", "²", "٣", "inf", "nan", "1e3", "1.", ".5", "5, 6"])
def test_what_cannot_be_read(value):
    assert seconds(value, NOW) is None
    assert seconds_of_ms(value) is None


@given(
    st.text() | st.dates().map(str) | st.from_regex(r"[A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{1,5} \d\d:\d\d:\d\d \S*")
)
def test_any_text(value):
    """Whatever a server sends: seconds that are not negative, or None."""
    found = seconds(value, NOW)
    assert found is None or found >= 0


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_dates(moment, now):
    assert seconds(formatdate(moment, usegmt=True), now) == max(0, moment - now)


def test_milliseconds():
    assert seconds_of_ms("250") == 0.25
    assert seconds_of_ms(" 1.5 ") == 0.0015
