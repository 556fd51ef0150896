"""The order of a model's targets, by each strategy."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gl.models.model import Classifier, Model, Rule, Strategy
from services.gl.models.ordering import StrategyInputs, bucket, ordered

TARGETS = ("a/1", "b/2", "c/3")
MODEL = Model("m", TARGETS)


def order(model, latencies=None, **inputs):
    return [place.target for place in ordered(model, StrategyInputs(**inputs), (latencies or {}).get)]


def test_fallback():
    """As the file has it."""
    assert order(MODEL) == [0, 1, 2]


def test_round_robin():
    """Each target is first in turn, the others follow in a circle."""
    model = replace(MODEL, strategy=Strategy.ROUND_ROBIN)
    found = [order(model, turn=lambda _, number=number: number) for number in range(4)]
    assert found == [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]


def test_weighted():
    """Over many calls a target is first as often as its weight says; one with 0 is always the last."""
    model = replace(MODEL, strategy=Strategy.WEIGHTED, weights=(9, 1, 0))
    draw = random.Random(1).random
    found = [order(model, draw=draw) for _ in range(2000)]
    assert 0.87 < sum(one[0] == 0 for one in found) / len(found) < 0.93
    assert {one[-1] for one in found} == {2}


def test_least_latency():
    """The quickest first; those that nobody measured come before, to be measured."""
    model = replace(MODEL, strategy=Strategy.LEAST_LATENCY)
    assert order(model, {"a/1": 0.3, "b/2": 0.1, "c/3": 0.2}) == [1, 2, 0]
    assert order(model, {"a/1": 0.3, "b/2": 0.1}) == [2, 1, 0]


RULES = (Rule(("debug", "step by step"), "b/2"), Rule(("prove",), "c/3"))


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("Please DEBUG this.", [1, 0, 2]),
        ("Explain step\n by  step!", [1, 0, 2]),
        ("Prove it.", [2, 0, 1]),
        ("Prove it and debug it.", [1, 0, 2]),
        ("The debugger improved.", [0, 1, 2]),
        ("", [0, 1, 2]),
    ],
)
def test_heuristic(prompt, wanted):
    """The first rule with a keyword, as words of their own, decides who is first."""
    assert order(replace(MODEL, strategy=Strategy.HEURISTIC, rules=RULES), prompt=lambda: prompt) == wanted


@pytest.mark.parametrize(("rating", "first"), [(1, 0), (3, 0), (4, 1), (7, 1), (8, 2), (10, 2), (None, 1)])
def test_classifier(rating, first):
    """A rating takes one of the targets; without one it is that in the middle."""
    model = replace(MODEL, strategy=Strategy.CLASSIFIER, classifier=Classifier("j/1"))
    assert order(model, rating=lambda _: rating)[0] == first


@given(st.integers(2, 100), st.integers(1, 12))
def test_buckets(scale, count):
    """Ratings spread over the targets: the lowest is the first, the highest the last, none goes back, all are taken."""
    found = [bucket(rating, scale, count) for rating in range(1, scale + 1)]
    assert (found[0], found[-1]) == (0, count - 1)
    assert found == sorted(found)
    if scale >= count:
        assert set(found) == set(range(count))
    assert found == [int((rating - 1) * (count - 1) / (scale - 1) + 0.5) for rating in range(1, scale + 1)]


@given(st.sampled_from(Strategy), st.integers(1, 6), st.integers(0, 99), st.text(max_size=9), st.randoms())
def test_every_target_once(strategy, count, number, prompt, chance):
    """Whatever the strategy, all targets are in the order, each once."""
    targets = tuple(f"p/{index}" for index in range(count))
    model = Model(
        "m",
        targets,
        strategy,
        weights=tuple(chance.choice([0, 1, 5]) for _ in targets),
        rules=(Rule((prompt or "x",), targets[-1]),),
        classifier=Classifier("j/1"),
    )
    latencies = {target: chance.choice([None, chance.random()]) for target in targets}
    found = order(
        model,
        latencies,
        prompt=lambda: prompt,
        turn=lambda _: number,
        draw=chance.random,
        rating=lambda _: 1 + number % 10,
    )
    assert sorted(found) == list(range(count))
