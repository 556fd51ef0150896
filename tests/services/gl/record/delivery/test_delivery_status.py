"""How the records fare, seen over time."""

from gecholog.recordstatus import RecordStatus
from services.gl.record.delivery.delivery_status import DeliveryState, StallDetector, StatusTracker

WELL = DeliveryState("", stalled=False, waiting=0, held=0, lost=0, damaged=0)
STALLED = DeliveryState("the stream does not answer", stalled=True, waiting=3, held=1, lost=0, damaged=0)


def lost(number):
    return DeliveryState("", stalled=False, waiting=0, held=0, lost=number, damaged=2)


def test_a_moment_is_nothing():
    """A bus that is back within seconds was no failure, and the time begins again."""
    trouble = StatusTracker()
    for now in (0, 2.9, 100, 102.9):
        assert not trouble.update(now, STALLED).failing
        if now in (2.9, 102.9):
            assert not trouble.update(now, WELL).failing


def test_failing():
    """Trouble that lasts, with its reason; over as soon as it is over."""
    trouble = StatusTracker()
    trouble.update(0, STALLED)
    status = trouble.update(3, STALLED)
    assert status == RecordStatus(True, True, "the stream does not answer", 3, 1, 0, 0)
    assert trouble.update(3.5, WELL) == RecordStatus()


def test_losses():
    """A loss is a failure for a minute, with the number; it stays on the count, over processes too."""
    trouble = StatusTracker(RecordStatus(lost=10, damaged=1))
    assert trouble.update(0, WELL).lost == 10
    status = trouble.update(1, lost(7))
    assert (status.failing, status.reason, status.lost, status.damaged) == (True, "17 records lost", 17, 3)
    assert trouble.update(60.9, lost(7)).failing
    assert not trouble.update(61, lost(7)).failing
    assert trouble.update(62, lost(8)).reason == "18 records lost"


def test_stall():
    """Only silence while something should be acknowledged is one, and it takes a while."""
    stall = StallDetector()
    assert not stall.update(0, unconfirmed=0, acknowledged=5)
    assert not stall.update(100, unconfirmed=0, acknowledged=5)
    assert not stall.update(100.5, unconfirmed=9, acknowledged=5)
    assert stall.update(102.6, unconfirmed=9, acknowledged=5)
    assert not stall.update(103, unconfirmed=9, acknowledged=6)
    assert not stall.update(104, unconfirmed=9, acknowledged=7)
