"""Records on their way to the target."""

from services.nats2log.entry import RecordEntry


def test_durable():
    """What can be acknowledged is kept by the record log."""
    assert RecordEntry(b"", reply="x").durable
    assert not RecordEntry(b"").durable
