"""How the records fare, seen over time."""

from gecholog.recordstatus import RecordStatus
from services.gl.record.delivery.trouble import Sight, Stall, Trouble

WELL = Sight("", stalled=False, waiting=0, held=0, lost=0, damaged=0)
STALLED = Sight("the stream does not answer", stalled=True, waiting=3, held=1, lost=0, damaged=0)


def lost(number):
    return Sight("", stalled=False, waiting=0, held=0, lost=number, damaged=2)


def test_a_moment_is_nothing():
    """A bus that is back within seconds was no failure, and the time begins anew."""
    trouble = Trouble()
    for now in (0, 2.9, 100, 102.9):
        assert not trouble.looked(now, STALLED).failing
        if now in (2.9, 102.9):
            assert not trouble.looked(now, WELL).failing


def test_failing():
    """Trouble that lasts, with its reason; over as soon as it is over."""
    trouble = Trouble()
    trouble.looked(0, STALLED)
    status = trouble.looked(3, STALLED)
    assert status == RecordStatus(True, True, "the stream does not answer", 3, 1, 0, 0)
    assert trouble.looked(3.5, WELL) == RecordStatus()


def test_losses():
    """A loss is a failure for a minute, with the number; it stays on the count, over processes too."""
    trouble = Trouble(RecordStatus(lost=10, damaged=1))
    assert trouble.looked(0, WELL).lost == 10
    status = trouble.looked(1, lost(7))
    assert (status.failing, status.reason, status.lost, status.damaged) == (True, "17 records lost", 17, 3)
    assert trouble.looked(60.9, lost(7)).failing
    assert not trouble.looked(61, lost(7)).failing
    assert trouble.looked(62, lost(8)).reason == "18 records lost"


def test_stall():
    """Only silence while something should be acknowledged is one, and it takes a while."""
    stall = Stall()
    assert not stall.looked(0, unconfirmed=0, acknowledged=5)
    assert not stall.looked(100, unconfirmed=0, acknowledged=5)
    assert not stall.looked(100.5, unconfirmed=9, acknowledged=5)
    assert stall.looked(102.6, unconfirmed=9, acknowledged=5)
    assert not stall.looked(103, unconfirmed=9, acknowledged=6)
    assert not stall.looked(104, unconfirmed=9, acknowledged=7)
