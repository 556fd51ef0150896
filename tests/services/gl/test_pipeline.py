"""The pipeline: whatever happens, the client has one reply or a broken connection, and there is one record."""

import asyncio
import json
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gecholog import headers
from services.gl import pipeline
from services.gl.errors import UpstreamError
from services.gl.http import Disconnected
from services.gl.replies import response_body
from services.gl.status import Status
from tests.services.gl.rig.gateway import processor, router
from tests.services.gl.rig.stage import (
    FakeBus,
    FakeRecorder,
    FakeRequest,
    FakeResponder,
    FakeResponse,
    FakeUpstreams,
    built,
    call_of,
    deps,
)
from tests.support.waiting import DEADLINE


async def test_a_whole_call():
    """One reply, one record, with the parts of the specification."""
    call, records = call_of(request=FakeRequest(body=b'{"q":1}')), FakeRecorder()
    await pipeline.run(call, deps(records=records))
    assert call.responder.names() == ["start", "write", "finish"]
    record = records.record
    assert record["request"]["outbound_payload"] == {"q": 1}
    assert record["response"]["egress_payload"] == {"ok": True}
    assert record["request"]["url"] == record["request"]["url_path"] == "http://target/x"
    assert "error" not in record["request"]
    assert "error" not in record["response"]


async def test_status_remembers_the_call():
    """The is-alive answer names the last recorded call."""
    call, status = call_of(), Status()
    await pipeline.run(call, deps(status=status))
    body = status.report()["Body"]
    assert body["LastTransactionID"] == call.ids.transaction_id
    assert body["LastIngressTime"].endswith("Z")
    assert body["LastError"] == body["LastErrorTime"] == ""


async def test_refused_and_not_recorded():
    """A 401 of our own leaves no record."""
    call = call_of(built([router("/service/", "http://t", required={"X-K": ["1"]})]))
    records = FakeRecorder()
    await pipeline.run(call, deps(records=records))
    assert call.responder.status == 401
    assert records.published == records.accepted == []


async def test_fault_before_the_reply():
    """A fault of ours: 500 with nothing of its cause, a record, and the status remembers it."""

    class Faulty(FakeUpstreams):
        async def send(self, outbound):
            raise RuntimeError("secret detail")

    call, records, status = call_of(), FakeRecorder(), Status()
    await pipeline.run(call, deps(targets=Faulty(), records=records, status=status))
    assert (call.responder.status, json.loads(call.responder.body)) == (500, {"error": "internal server error"})
    assert records.record["response"]["egress_status_code"] == 500
    assert "RuntimeError" in status.last_error
    assert "secret detail" not in status.last_error


async def test_fault_after_the_reply_has_begun():
    """A fault in the middle of a reply breaks the connection: a second reply must never follow the first."""
    call, records = call_of(), FakeRecorder()
    response = FakeResponse(pieces=[b"one", RuntimeError("x")])
    await pipeline.run(call, deps(targets=FakeUpstreams(response), records=records))
    names = call.responder.names()
    assert names.count("start") == 1
    assert names[-1] == "abort"
    assert "finish" not in names
    assert len(records.published) == 1


async def test_fault_after_the_reply():
    """A fault when the record is made costs the record, not the reply."""

    class Faulty(FakeRecorder):
        def publish(self, record_id, data, *, is_stored=False):
            raise RuntimeError

    call, status = call_of(), Status()
    await pipeline.run(call, deps(records=Faulty(), status=status))
    assert call.responder.names() == ["start", "write", "finish"]
    assert "RuntimeError" in status.last_error


async def test_fault_of_the_journal_does_not_cost_the_reply():
    """A record that cannot be kept must not cost the client the response."""

    class Faulty(FakeRecorder):
        def accept(self, record_id, data, *, is_final=False):
            raise RuntimeError

    call = call_of()
    await pipeline.run(call, deps(records=Faulty()))
    assert call.responder.names() == ["start", "write", "finish"]


@pytest.mark.parametrize("stage", ["body", "target", "stream", "processor"])
async def test_caller_leaves(stage):
    """Wherever the client leaves (its work is cancelled), the target is disconnected and the record is written."""
    reached, never = asyncio.Event(), asyncio.Event()

    async def hang(*_, **__):
        reached.set()
        await never.wait()

    request, targets, bus, config = FakeRequest(), FakeUpstreams(), FakeBus(), None
    if stage == "body":
        request.body = hang
    elif stage == "target":
        targets.send = hang
    elif stage == "stream":
        targets.response.read = hang
    else:
        bus.request = hang
        config = built(request={"processors": [[processor("one")]]})
    call, records = call_of(config, request), FakeRecorder()
    task = asyncio.create_task(pipeline.run(call, deps(bus, targets, records)))
    await asyncio.wait_for(reached.wait(), DEADLINE)
    task.cancel()
    await task
    record = records.record
    assert record["request"]["gl_path"] == "/service/"
    assert {"name": "egress", "details": "the client disconnected before the end of the reply"} in record["response"][
        "error"
    ]
    assert call.responder.names()[-1] == "abort"
    if stage == "stream":
        assert targets.response.abandoned
        assert record["response"]["inbound_stream"]["completed"] is False


async def test_caller_leaves_while_a_large_stream_is_folded(monkeypatch):
    """Who leaves at the last event has had all of the response: the record has it, too, and its usage."""
    loop, reached, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    fold = response_body.read_body

    def slowly(*body, **how):
        loop.call_soon_threadsafe(reached.set)
        go_on.wait(DEADLINE)
        return fold(*body, **how)

    monkeypatch.setattr(response_body, "read_body", slowly)
    event = b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % (
        b"x" * 999
    )
    usage = b'data: {"object":"chat.completion.chunk","choices":[],"usage":{"total_tokens":7}}\n\ndata: [DONE]\n\n'
    response = FakeResponse(lines=[(b"Content-Type", b"text/event-stream")], pieces=[event * 300, usage])
    response.length = None
    call, records = call_of(), FakeRecorder()
    task = asyncio.create_task(pipeline.run(call, deps(targets=FakeUpstreams(response), records=records)))
    await asyncio.wait_for(reached.wait(), DEADLINE)
    task.cancel()
    await asyncio.sleep(0.02)
    go_on.set()
    await asyncio.wait_for(task, DEADLINE)
    response = records.record["response"]
    assert response["inbound_payload"]["usage"] == {"total_tokens": 7}
    assert response["inbound_stream"]["completed"] is True


async def test_caller_leaves_during_a_refusal():
    """Nobody is there to hear a refusal: the record is written nevertheless."""

    class Gone(FakeResponder):
        def start(self, status, headers, length):
            raise Disconnected

    call, records = call_of(responder=Gone()), FakeRecorder()
    await pipeline.run(call, deps(targets=FakeUpstreams(UpstreamError(502, "x")), records=records))
    assert len(records.published) == 1


async def test_told_to_stop_after_the_reply():
    """A call that is cancelled while asynchronous processors work still writes its record."""
    reached, never = asyncio.Event(), asyncio.Event()

    class Slow(FakeBus):
        async def request(self, subject, data, timeout, *, lazily=False):  # noqa: ASYNC109 - the bus's own
            reached.set()
            await never.wait()

    config = built(request={"processors": [[processor("one", **{"async": True})]]})
    call, records = call_of(config), FakeRecorder()
    task = asyncio.create_task(pipeline.run(call, deps(Slow(), records=records)))
    await asyncio.wait_for(reached.wait(), DEADLINE)
    task.cancel()
    await asyncio.wait([task])
    assert len(records.published) == 1 or len(records.accepted) == 1


async def test_fault_of_an_asynchronous_processor():
    """A fault while asynchronous processors work costs what they would have written, not the record."""
    config = built(request={"processors": [[processor("one", **{"async": True})]]})
    call, records = call_of(config), FakeRecorder()
    await pipeline.run(call, deps(FakeBus(one=RuntimeError("x")), records=records))
    assert call.responder.names()[-1] == "finish"
    assert records.record["response"]["egress_payload"] == {"ok": True}


NAMES = [
    *("gl_path", "control", "control_status_code", "control_headers", "fallback_paths", "original_gl_path", "attempts"),
    *("outbound_subpath", "outbound_headers", "outbound_query_parameters", "outbound_payload", "ingress_headers"),
    *("egress_status_code", "egress_headers", "egress_payload", "inbound_payload", "inbound_headers", "inbound_stream"),
    *("inbound_status_code", "url_path", "url", "error", "processors", "new"),
]
FIELDS = st.dictionaries(
    st.sampled_from(NAMES),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.sampled_from(["/other/", "/service/", 200, 404, 10**40])
        | st.text(st.characters(codec=None), max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["X-A", "name", "details", "\ud800"]) | st.text(max_size=3), inner)
        ),
        max_leaves=8,
    ),
)


@settings(deadline=None)
@given(asked=FIELDS, answered=FIELDS, modifier=st.booleans(), status=st.sampled_from([200, 503]))
def test_whatever_processors_write(asked, answered, modifier, status):
    """Whatever stands in any field, on both sides: one whole reply, one record, and no fault of ours."""
    entry = {"modifier": modifier, "output_fields_write": NAMES}
    config = built(
        request={"processors": [[processor("one", **entry)], [processor("two", routers=["/other/"])]]},
        response={"processors": [[processor("back", **entry)], [processor("by", routers=["/other/"])]]},
    )
    call, records, status_of_gl = call_of(config), FakeRecorder(), Status()
    bus = FakeBus(one=json.dumps(asked).encode(), back=json.dumps(answered).encode(), two={}, by={})
    targets = FakeUpstreams(FakeResponse(status))
    asyncio.run(pipeline.run(call, deps(bus, targets, records, status_of_gl)))
    assert call.responder.names() == ["start", "write", "finish"]
    assert headers.lines(call.responder.headers)
    assert status_of_gl.last_error == ""
    assert len(records.published) == 1


async def test_required_processor_fails():
    """500, nothing is called, and the record says why."""
    config = built(request={"processors": [[processor("one", required=True)]]})
    call, records, targets = call_of(config), FakeRecorder(), FakeUpstreams()
    await pipeline.run(call, deps(FakeBus(one={}), targets, records))
    assert (call.responder.status, json.loads(call.responder.body)) == (500, {"error": "internal server error"})
    assert targets.sent == []
    assert records.record["request"]["processors"][0]["details"]["completed"] is False


# ------------------------------------------------------------------ steps after the reply


async def taken(call, *steps):
    """The names of the steps that were taken, `steps` being names, what the stage does, and how the step is meant."""
    names = []

    def stage(name, does):
        def run(call, deps):
            names.append(name)
            return does() if does else None

        return run

    made = tuple(pipeline.Step(stage(name, does), **how) for name, does, how in steps)
    status = Status()
    await pipeline.take(made, call, deps(status=status))
    return names, status.last_error


def fails():
    raise ValueError


async def fails_late():
    raise KeyError


async def test_each_step_is_guarded_by_itself():
    """What one step cannot do costs no other, and gl says so."""
    names, error = await taken(call_of(), ("one", fails, {}), ("two", fails_late, {}), ("three", None, {}))
    assert names == ["one", "two", "three"]
    assert error == "KeyError after a reply"


async def test_steps_for_calls_without_a_record():
    """Only those that say so are taken."""
    call = call_of(is_recorded=False)
    names, _ = await taken(call, ("one", None, {}), ("two", None, {"for_unrecorded": True}), ("three", None, {}))
    assert names == ["two"]


async def test_steps_when_the_gateway_stops():
    """What needs time is left out from then on; the others are taken, and the task ends as if nothing had happened."""
    reached, never = asyncio.Event(), asyncio.Event()

    async def hangs():
        reached.set()
        await never.wait()

    needs_time = {"when_stopping": False}
    steps = [("one", hangs, {}), ("two", None, needs_time), ("three", None, {}), ("four", None, needs_time)]
    task = asyncio.create_task(taken(call_of(), *steps))
    await asyncio.wait_for(reached.wait(), DEADLINE)
    task.cancel()
    assert (await task) == (["one", "three"], "")
    assert not task.cancelled()


def test_what_is_done_for_a_call():
    """The record is published after all that may change it, even if the gateway stops. Then the call is counted."""
    *_, record, counted = pipeline.AFTER_REPLY
    assert record.stage.__name__ == "publish"
    assert record.when_stopping
    assert counted.stage.__name__ == "observe"
    assert counted.for_unrecorded
