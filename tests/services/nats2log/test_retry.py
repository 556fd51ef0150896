"""Decisions about records that were not written."""

from hypothesis import given
from hypothesis import strategies as st

from services.nats2log.retry import RetryDecision, backoff, decide
from services.nats2log.sinks.sink import FaultKind

counts = st.integers(1, 100)


@given(counts, st.integers(0, 100))
def test_an_outage_is_waited_out(attempts, retries):
    """Entries that the record stream keeps are never given up because of an outage."""
    assert decide(FaultKind.OUTAGE, attempts, retries, durable=True) is RetryDecision.WAIT


@given(
    counts,
    st.integers(0, 100),
    st.sampled_from(
        [(FaultKind.REJECTED, True), (FaultKind.REJECTED, False), (FaultKind.OUTAGE, False), (FaultKind.BUSY, False)]
    ),
)
def test_retries_are_counted(attempts, retries, case):
    """There is one attempt and `retries` more, then the entry is given up."""
    kind, durable = case
    expected = RetryDecision.RETRY if attempts <= retries else RetryDecision.GIVE_UP
    assert decide(kind, attempts, retries, durable=durable) is expected


@given(counts, st.integers(0, 100))
def test_what_is_turned_away_is_tried_again(attempts, retries):
    """If the sink throttles entries that the record stream keeps, they are not given up and do not delay others."""
    assert decide(FaultKind.BUSY, attempts, retries, durable=True) is RetryDecision.RETRY


@given(counts, st.integers(0, 10**6), st.floats(0, 900), st.floats(0, 1))
def test_pause(attempts, delay_ms, retry_after, chance):
    """The delay is never below what the sink asked for, never unlimited, and never zero."""
    seconds = backoff(attempts, delay_ms, retry_after, chance)
    assert max(0.05, retry_after) <= seconds <= max(60, retry_after)


def test_doubling():
    """From the configured delay on, it varies by a fifth up or down."""
    assert [backoff(attempts, 1000, 0, 0.5) for attempts in (1, 2, 3, 4, 7, 99)] == [1, 2, 4, 8, 60, 60]
    assert backoff(1, 1000, 0, 0) == 0.8
    assert backoff(1, 1000, 0, 1) == 1.2
