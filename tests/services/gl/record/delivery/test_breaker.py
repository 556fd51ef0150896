"""The breaker opens when the bus is silent, and closes with its first word."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.record.delivery.breaker import Breaker, pause


def test_opens_and_closes():
    """One failure is enough if nothing was acknowledged lately."""
    breaker = Breaker()
    breaker.failed("no answer", 10.0)
    assert (breaker.is_open, breaker.reason) == (True, "no answer")
    breaker.close()
    assert not breaker.is_open


def test_one_of_many():
    """A failure among acknowledgements says nothing about the bus; silence after it does."""
    breaker = Breaker()
    breaker.acknowledged(10.0)
    breaker.failed("no answer", 10.5)
    assert not breaker.is_open
    breaker.failed("no answer", 11.5)
    assert breaker.is_open


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_pause(failures, chance):
    """Pauses are never none and never long, and grow as long as they are short."""
    assert 0.05 <= pause(failures, chance) <= 2.0
    assert pause(failures, chance) <= pause(failures + 1, chance)
    assert pause(failures, 0) == pause(failures, 1) / 2
