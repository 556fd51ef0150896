"""What a call is charged whose usage no provider has told."""

import json
from time import monotonic_ns

import pytest

from gecholog.llm.usage import Usage
from gecholog.rawjson import Raw
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


@pytest.mark.parametrize(("seconds", "stop_reason", "output"), [(4, None, 200), (3600, None, 1000), (4, "end_turn", 3)])
def test_a_client_that_leaves_before_the_second_usage_of_anthropic(seconds, stop_reason, output):
    """The first one says nothing of thoughts, which a stream may hide: a client could leave just before the last."""
    call = sent(seconds, response=FakeResponse(), usage=Usage("provider", 20, 3, 23))
    answer = {"type": "message", "stop_reason": stop_reason, "content": [{"type": "text", "text": "Hi"}]}
    call.response_section.fields |= {
        "inbound_stream": {"completed": False},
        "inbound_payload": Raw(json.dumps(answer).encode()),
    }
    assert charge_of(call).held.tokens == 20 + output
