"""Which records are in flight, and which were written."""

from services.nats2log.entry import RecordEntry
from services.nats2log.in_flight import DeliveryState, InFlight


def entry(key, reply="r"):
    return RecordEntry(b"", reply=reply, key=key)


def test_a_record_is_written_once():
    """New, then in flight, then written; it is acknowledged on the reply subject of the latest delivery."""
    in_flight = InFlight()
    assert in_flight.receive(entry("1", "first"), 0) is DeliveryState.NEW
    assert in_flight.receive(entry("1", "second"), 0) is DeliveryState.IN_FLIGHT
    assert in_flight.acked("1") == "second"
    assert in_flight.receive(entry("1", "third"), 0) is DeliveryState.WRITTEN
    assert in_flight.acked("1") is None
    assert len(in_flight) == 0


def test_nacked_is_new_again():
    """A record that was nacked is written when it is delivered again."""
    in_flight = InFlight()
    in_flight.receive(entry("1", "first"), 0)
    assert in_flight.nacked("1") == "first"
    assert in_flight.nacked("1") is None
    assert in_flight.receive(entry("1"), 0) is DeliveryState.NEW


def test_memory_is_bounded():
    """The oldest are forgotten."""
    in_flight = InFlight(max_remembered=2)
    for key in "123":
        in_flight.receive(entry(key), 0)
        in_flight.acked(key)
    assert [in_flight.receive(entry(key), 0) for key in "123"] == [
        DeliveryState.NEW,
        DeliveryState.WRITTEN,
        DeliveryState.WRITTEN,
    ]


def test_oldest():
    """By number, not by text."""
    in_flight = InFlight()
    assert in_flight.oldest() is None
    for key in ("10-5", "9-6"):
        in_flight.receive(entry(key), 0)
    assert in_flight.oldest() == 9


def test_older_than():
    """Entries that have been in flight for long."""
    in_flight = InFlight()
    in_flight.receive(entry("1", "old"), 1)
    in_flight.receive(entry("2", "young"), 3)
    assert in_flight.older_than(2) == ["old"]
