"""What the parent reports for its workers."""

from gecholog.breakerstatus import OpenBreaker
from gecholog.recordstatus import RecordStatus
from services.gl.workers.combined import is_alive_report, losses, open_breakers, record_status


def body(call="", called="", error="", failed=""):
    return {"LastTransactionID": call, "LastIngressTime": called, "LastError": error, "LastErrorTime": failed}


def test_is_alive():
    """The last call and the last error may be of different workers."""
    one = body("T1", "2026-01-01T00:00:01.000000000Z", "old", "2026-01-01T00:00:01.000000000Z")
    two = body("T2", "2026-01-01T00:00:00.999999999Z", "new", "2026-01-01T00:00:03.000000000Z")
    report = is_alive_report([one, two, body()])
    assert report["Body"] == body("T1", one["LastIngressTime"], "new", two["LastErrorTime"])
    assert (report["Status"], report["Error"]) == (200, None)
    assert is_alive_report([])["Body"] == body()


def test_records():
    """One failing worker makes the gateway failing; counts are added, also those of workers that have ended."""
    gone = losses(losses(RecordStatus(lost=1), RecordStatus(lost=2, waiting=7)), RecordStatus(damaged=3, failing=True))
    assert record_status([], gone) == RecordStatus(lost=3, damaged=3)
    one = RecordStatus(failing=True, reason="no bus", waiting=2, held=1, lost=1)
    two = RecordStatus(failing=True, stalled=True, reason="no bus", waiting=3, damaged=1)
    both = record_status([one, two, RecordStatus()], gone)
    assert both == RecordStatus(True, True, "no bus", waiting=5, held=1, lost=4, damaged=4)


def test_breakers():
    """Of the same target, the breaker that opened last counts."""
    old, new, other = (OpenBreaker(target, opened, "u", "r") for target, opened in (("b", "1"), ("b", "2"), ("a", "0")))
    assert open_breakers([[new], [old, other], []]) == [other, new]
