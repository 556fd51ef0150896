"""Counters and histograms of a process."""

from gecholog.metrics.family import Family, Kind
from gecholog.metrics.instruments import Instruments
from gecholog.metrics.snapshot import Distribution, Snapshot

CALLS = Family("calls_total", Kind.COUNTER, "Calls", ("router",))
TIME = Family("time_seconds", Kind.HISTOGRAM, "Time", scale=10**9, bounds=(0.001, 1.0))


def test_counted():
    """A snapshot has what was counted until then, and does not change any more."""
    instruments = Instruments()
    counter, histogram = instruments.counter(CALLS), instruments.histogram(TIME)
    counter.of("/a/").value += 2
    counter.of("/a/").value += 1
    for nanoseconds in (1_000_000, 1_000_001, 2_000_000_000):
        histogram.of().observe(nanoseconds)
    before = instruments.snapshot()
    counter.of("/a/").value += 1
    histogram.of().observe(5)
    assert before == Snapshot({CALLS: {("/a/",): 3}, TIME: {(): Distribution((1, 1, 1), 2_002_000_001)}})
    assert instruments.snapshot().value("calls_total", "/a/") == 4
