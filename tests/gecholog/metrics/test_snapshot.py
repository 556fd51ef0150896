"""Snapshots of metrics: merged, and passed on to another process."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.metrics.family import Family, Kind, Merge
from gecholog.metrics.snapshot import Distribution, Snapshot, merge, of_json, to_json, without_gauges

CALLS = Family("calls_total", Kind.COUNTER, "Calls", ("router", "status"))
COST = Family("cost_usd_total", Kind.COUNTER, "Cost", ("model",), scale=10**18)
OLDEST = Family("start_seconds", Kind.GAUGE, "Start", merge=Merge.MIN)
OPEN = Family("breaker_state", Kind.GAUGE, "State", ("target",), Merge.MAX)
TIME = Family("time_seconds", Kind.HISTOGRAM, "Time", ("router",), scale=10**9, bounds=(0.1, 1.0))

names = st.text(max_size=5)
counts = st.integers(0, 10**24)
pairs = st.tuples(names, names)
times = st.builds(Distribution, st.tuples(counts, counts, counts), counts)


@st.composite
def snapshots(draw):
    return Snapshot(
        {
            CALLS: draw(st.dictionaries(pairs, counts, max_size=4)),
            COST: draw(st.dictionaries(st.tuples(names), counts, max_size=4)),
            OLDEST: draw(st.dictionaries(st.just(()), st.integers(0, 10) | st.floats(0, 10), max_size=1)),
            OPEN: draw(st.dictionaries(st.tuples(names), st.integers(0, 2), max_size=3)),
            TIME: draw(st.dictionaries(st.tuples(names), times, max_size=3)),
        }
    )


@given(snapshots(), snapshots(), snapshots())
def test_order_does_not_matter(one, two, three):
    """Merging is associative and commutative, to the last digit of any number."""
    assert merge([one, two, three]) == merge([merge([three, one]), two]) == merge([two, merge([three, one])])


@given(snapshots())
def test_nothing_changes_alone(one):
    """The merge of one snapshot is that snapshot, and so is the merge with an empty one."""
    assert merge([one]) == one
    assert merge([one, Snapshot()]) == one


@given(snapshots())
def test_passed_on(one):
    """Another process reads the snapshot that this one has written."""
    assert of_json(json.loads(json.dumps(to_json(one)))) == one


def test_each_as_its_family_says():
    """Counters and histograms are added, gauges are what their family says."""
    one = Snapshot({CALLS: {("/v1/", "200"): 3}, OLDEST: {(): 5}, OPEN: {("a",): 2, ("b",): 0}})
    two = Snapshot({CALLS: {("/v1/", "200"): 4, ("/v1/", "500"): 1}, OLDEST: {(): 4}, OPEN: {("a",): 1}})
    assert merge([one, two]) == Snapshot(
        {
            CALLS: {("/v1/", "200"): 7, ("/v1/", "500"): 1},
            OLDEST: {(): 4},
            OPEN: {("a",): 2, ("b",): 0},
        }
    )
    both = merge([Snapshot({TIME: {("a",): Distribution((1, 0, 2), 7)}})] * 2)
    assert both.value("time_seconds", "a") == Distribution((2, 0, 4), 14)


def test_processes_of_two_versions():
    """Processes that define a metric differently cannot be merged, and the error names it."""
    other = Family("calls_total", Kind.COUNTER, "Calls", ("router",))
    with pytest.raises(ValueError, match="calls_total"):
        merge([Snapshot({CALLS: {}}), Snapshot({other: {}})])


def test_process_that_has_ended():
    """What a process has counted stays true when it has ended, its state does not."""
    one = Snapshot({CALLS: {("/v1/", "200"): 3}, OPEN: {("a",): 2}, TIME: {("a",): Distribution((1, 0, 2), 7)}})
    assert set(without_gauges(one).families) == {CALLS, TIME}


NOT_A_NUMBER = to_json(Snapshot({OPEN: {("a",): 1}}))
NOT_A_NUMBER[0]["series"] = [[["a"], "x"]]


@pytest.mark.parametrize("value", [None, 1, {"a": 1}, [1], [{"name": "a"}], NOT_A_NUMBER])
def test_not_a_snapshot(value):
    """Anything else is an error."""
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        of_json(value)
