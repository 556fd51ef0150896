"""Counters."""

from services.nats2log.counters import SinkCounters


def test_since_last():
    """Each record is counted in one minute only."""
    counters = SinkCounters()
    counters.written = 5
    assert counters.written_since_last() == 5
    counters.written += 2
    assert counters.written_since_last() == 2
    assert counters.written_since_last() == 0
    assert counters.as_fields()["written"] == 7
