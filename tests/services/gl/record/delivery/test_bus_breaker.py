"""The breaker opens when the bus is silent, and closes with its first word."""

from hypothesis import given
from hypothesis import strategies as st

from services.gl.record.delivery.bus_breaker import BusBreaker, retry_pause


def test_opens_and_closes():
    """One failure is enough if nothing was acknowledged lately."""
    breaker = BusBreaker()
    breaker.failed("no answer", 10.0)
    assert (breaker.is_open, breaker.reason) == (True, "no answer")
    breaker.close()
    assert not breaker.is_open


def test_one_of_many():
    """A failure among acknowledgements says nothing about the bus; silence after it does."""
    breaker = BusBreaker()
    breaker.acknowledged(10.0)
    breaker.failed("no answer", 10.5)
    assert not breaker.is_open
    breaker.failed("no answer", 11.5)
    assert breaker.is_open


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_pause(failures, chance):
    """Pauses are never none and never long, and grow as long as they are short."""
    assert 0.05 <= retry_pause(failures, chance) <= 2.0
    assert retry_pause(failures, chance) <= retry_pause(failures + 1, chance)
    assert retry_pause(failures, 0) == retry_pause(failures, 1) / 2
