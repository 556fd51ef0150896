"""Meaning of statuses and headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.nats2log.sinks.http import fault_from_status, fault_kind_of, seconds_of
from services.nats2log.sinks.sink import FaultKind


@given(st.integers(100, 599))
def test_every_status_means_something(status):
    """Below 300: written. 408 and 5xx: outage. 429: throttled. Anything else: rejected."""
    fault = fault_from_status(status)
    if status < 300:
        assert fault is None
    else:
        assert fault is not None
        expected = FaultKind.OUTAGE if status == 408 or status >= 500 else FaultKind.REJECTED
        assert fault.kind is (FaultKind.BUSY if status == 429 else expected)


def test_credentials():
    """Where 401 and 403 can only mean wrong credentials, they are an outage."""
    assert fault_from_status(403, forbidden=FaultKind.OUTAGE).kind is FaultKind.OUTAGE
    assert fault_from_status(400, forbidden=FaultKind.OUTAGE).kind is FaultKind.REJECTED
    assert fault_kind_of(401) is FaultKind.REJECTED


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0),
        ("0", 0),
        ("120", 120),
        (" 5 ", 5),
        ("99999999999", 900),
        ("-5", 0),
        ("soon", 0),
        ("²", 0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 900),
    ],
)
def test_retry_after(text, seconds):
    """`Retry-After` is a number of seconds or a date, within limits."""
    assert seconds_of(text, now=60) == seconds


@given(st.text())
def test_retry_after_never_fails(text):
    """Any value is accepted."""
    assert 0 <= seconds_of(text) <= 900
