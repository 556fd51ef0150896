"""Records on their way to the target."""

from services.nats2log.entry import Entry


def test_durable():
    """What can be acknowledged is kept by the record log."""
    assert Entry(b"", reply="x").durable
    assert not Entry(b"").durable
