"""The metrics of workers, merged by their parent."""

from gecholog.metrics import process
from gecholog.metrics.family import Family, Kind
from gecholog.metrics.snapshot import Snapshot, to_json
from services.gl.workers.metrics import WorkerMetrics

CALLS = Family("calls_total", Kind.COUNTER, "Calls")
FLIGHT = Family("in_flight", Kind.GAUGE, "Calls in progress")


def worker(started: float, calls: int, in_flight: int = 1):
    return to_json(Snapshot({process.START: {(): started}, CALLS: {(): calls}, FLIGHT: {(): in_flight}}))


def shown(snapshot):
    return snapshot.value("calls_total"), snapshot.value("in_flight")


def test_sum():
    """The gateway shows the sums over its workers, and the memory of all its processes."""
    found = WorkerMetrics().combined({0: worker(1, 5), 1: worker(2, 7, 2)})
    assert shown(found) == (12, 3)
    assert found.value("process_start_time_seconds") == 1
    assert found.value("process_resident_memory_bytes") > 0


def test_counters_never_fall():
    """A worker that is late or has ended takes nothing away from counters; its state is not shown any more."""
    metrics = WorkerMetrics()
    metrics.combined({0: worker(1, 5), 1: worker(2, 7)})
    assert shown(metrics.combined({0: worker(1, 6)})) == (13, 1)
    assert shown(metrics.combined({0: worker(1, 6), 1: worker(3, 1)})) == (14, 2)
    assert shown(metrics.combined({0: worker(1, 6), 1: worker(3, 2)})) == (15, 2)
    assert shown(metrics.combined({})) == (15, None)
