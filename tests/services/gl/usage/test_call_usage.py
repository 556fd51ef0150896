"""What a call is charged whose usage no provider has told."""

from time import monotonic_ns

import pytest

from services.gl.quota.reservation import reservation_of
from services.gl.usage.call_usage import charge_of
from tests.services.gl.rig.stage import FakeResponse, attempt_at, call_of

RESERVED = reservation_of(prompt_tokens=20, output_tokens=1000)


def sent(seconds, **more):
    """A call that was over some seconds after it was sent."""
    call = call_of(reservation=RESERVED, **more)
    call.begin(attempt_at(call, call.router))
    call.sent = monotonic_ns()
    call.received = call.sent + seconds * 10**9
    return call


@pytest.mark.parametrize(("seconds", "output"), [(0, 0), (4, 200), (3600, 1000)])
def test_a_client_that_leaves_before_the_answer(seconds, output):
    """The model may have thought all the time, or written an answer that was to be sent as a whole."""
    held, estimate = charge_of(sent(seconds))
    assert held.tokens == 20 + output
    assert (estimate.prompt_tokens, estimate.completion_tokens) == (20, output)


def test_an_answer_without_usage():
    """One that is no stream counts as it was reserved."""
    assert charge_of(sent(1, response=FakeResponse())).held.tokens == 1020
