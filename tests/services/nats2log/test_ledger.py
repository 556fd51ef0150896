"""What the ledger knows."""

from services.nats2log.entry import Entry
from services.nats2log.ledger import Known, Ledger


def entry(key, reply="r"):
    return Entry(b"", reply=reply, key=key)


def test_a_record_is_written_once():
    """New, then in hand, then written; acknowledged is where it came from last."""
    ledger = Ledger()
    assert ledger.take_in(entry("1", "first"), 0) is Known.NEW
    assert ledger.take_in(entry("1", "second"), 0) is Known.IN_HAND
    assert ledger.written("1") == "second"
    assert ledger.take_in(entry("1", "third"), 0) is Known.WRITTEN
    assert ledger.written("1") is None
    assert len(ledger) == 0


def test_given_back_is_new_again():
    """What left our hands unwritten is written when it comes again."""
    ledger = Ledger()
    ledger.take_in(entry("1", "first"), 0)
    assert ledger.given_back("1") == "first"
    assert ledger.given_back("1") is None
    assert ledger.take_in(entry("1"), 0) is Known.NEW


def test_memory_is_bounded():
    """The oldest are forgotten."""
    ledger = Ledger(most_remembered=2)
    for key in "123":
        ledger.take_in(entry(key), 0)
        ledger.written(key)
    assert [ledger.take_in(entry(key), 0) for key in "123"] == [Known.NEW, Known.WRITTEN, Known.WRITTEN]


def test_oldest():
    """By number, not by text."""
    ledger = Ledger()
    assert ledger.oldest() is None
    for key in ("10-5", "9-6"):
        ledger.take_in(entry(key), 0)
    assert ledger.oldest() == 9


def test_older_than():
    """What is in hand for long."""
    ledger = Ledger()
    ledger.take_in(entry("1", "old"), 1)
    ledger.take_in(entry("2", "young"), 3)
    assert ledger.older_than(2) == ["old"]
