"""The order of targets, by strategy."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.broker.strategies import STRATEGIES, SelectionContext, Target, averaged

PATHS = ("/a/", "/b/", "/c/", "/d/")
MANY = 20_000

targets_of_any_weight = st.lists(
    st.builds(Target, st.sampled_from(PATHS), st.integers(0, 5)), max_size=4, unique_by=lambda target: target.path
)


def knowing(turn=0, seed=1, **latencies):
    return SelectionContext(Random(seed), turn, {f"/{name}/": latency for name, latency in latencies.items()})


def first(strategy, targets, **latencies):
    """Return how often each target comes first."""
    rng = Random(1)
    known = {f"/{name}/": latency for name, latency in latencies.items()}
    orders = (STRATEGIES[strategy](targets, SelectionContext(rng, turn, known)) for turn in range(MANY))
    return Counter(order[0] for order in orders)


def plain(*paths):
    return [Target(path) for path in paths]


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(targets=targets_of_any_weight, turn=st.integers(0, 10), seed=st.integers())
def test_nothing_is_lost(strategy, targets, turn, seed):
    """Every strategy yields every target once."""
    order = STRATEGIES[strategy](targets, knowing(turn, seed, a=3.0, c=1.0))
    assert sorted(order) == sorted(target.path for target in targets)


def test_random():
    """Each target comes first equally often."""
    counts = first("random", plain(*PATHS))
    assert all(abs(count - MANY / 4) < MANY / 40 for count in counts.values())


def test_weighted():
    """Each target comes first as often as its weight says, and one without weight never."""
    counts = first("weighted", [Target("/a/", 6), Target("/b/", 3), Target("/c/", 1), Target("/d/", 0)])
    for path, share in (("/a/", 0.6), ("/b/", 0.3), ("/c/", 0.1), ("/d/", 0)):
        assert abs(counts[path] / MANY - share) < 0.02


def test_weighted_reserve():
    """A target without weight is the last, and the first if no other is left."""
    order = STRATEGIES["weighted"]([Target("/d/", 0), Target("/a/", 1)], knowing())
    assert order == ["/a/", "/d/"]
    assert STRATEGIES["weighted"]([Target("/d/", 0)], knowing()) == ["/d/"]


def test_round_robin():
    """Targets take turns, and the rest follows in the order of their next turns."""
    orders = [STRATEGIES["round_robin"](plain("/a/", "/b/", "/c/"), knowing(turn)) for turn in range(4)]
    assert orders == [["/a/", "/b/", "/c/"], ["/b/", "/c/", "/a/"], ["/c/", "/a/", "/b/"], ["/a/", "/b/", "/c/"]]


def test_round_robin_is_even():
    """The share of a skipped target is divided equally among all others."""
    counts = first("round_robin", plain("/a/", "/b/", "/d/"))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_least_latency():
    """The fastest target comes first, except for a few calls that measure the others."""
    counts = first("least_latency", plain("/a/", "/b/", "/c/"), a=200.0, b=100.0, c=300.0)
    assert 0.94 < counts["/b/"] / MANY < 0.99
    assert counts["/a/"] > 0
    assert counts["/c/"] > 0


def test_least_latency_not_measured():
    """A target without measurements counts as fast as the fastest. Without any measurements all are equal."""
    counts = first("least_latency", plain("/a/", "/b/", "/c/"), a=200.0, b=100.0)
    assert abs(counts["/c/"] - counts["/b/"]) < MANY / 20
    counts = first("least_latency", plain(*PATHS))
    assert all(abs(count - MANY / 4) < MANY / 40 for count in counts.values())


@given(st.lists(st.floats(0, 10**6), min_size=1))
def test_averaged(latencies):
    """The average lies between the smallest and the largest measurement, and follows the newest ones."""
    average = None
    for latency in latencies:
        average = averaged(average, latency)
    assert min(latencies) - 1e-6 <= average <= max(latencies) + 1e-6
    for _ in range(50):
        average = averaged(average, 1000.0)
    assert abs(average - 1000) < 0.0001 * max(1000, *latencies)
