"""Entries on their way to the sink."""

from services.nats2log.entry import RecordEntry


def test_durable():
    """An entry that can be acknowledged is kept by the record stream."""
    assert RecordEntry(b"", reply="x").durable
    assert not RecordEntry(b"").durable
