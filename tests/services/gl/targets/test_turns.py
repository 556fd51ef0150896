"""Turns of models."""

from services.gl.targets.turns import Turns


def test_each_model_counts_its_own_calls():
    """From 0."""
    turns = Turns()
    assert [turns.next("a"), turns.next("a"), turns.next("b"), turns.next("a")] == [0, 1, 0, 2]
