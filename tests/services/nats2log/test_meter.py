"""Counters."""

from services.nats2log.meter import Meter


def test_since_last():
    """Each record is counted in one minute only."""
    meter = Meter()
    meter.written = 5
    assert meter.since_last() == 5
    meter.written += 2
    assert meter.since_last() == 2
    assert meter.since_last() == 0
    assert meter.counts()["written"] == 7
