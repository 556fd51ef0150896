"""How often models were called."""

from services.gl.targets.call_counts import CallCounts


def test_each_model_counts_its_own_calls():
    """From 0."""
    counts = CallCounts()
    assert [counts.next("a"), counts.next("a"), counts.next("b"), counts.next("a")] == [0, 1, 0, 2]
