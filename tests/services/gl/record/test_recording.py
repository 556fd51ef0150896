"""A record is accepted before the reply is complete, and published when all is over."""

from services.gl.record import recording
from tests.services.gl.rig.stage import FakeRecorder


async def test_record_is_published_under_its_id(make_call):
    """The final record goes to the recorder with the id of the call, which is not in the record."""
    records = FakeRecorder()
    call = make_call()
    recording.publish(call, records)
    assert [record_id for record_id, _ in records.published] == [call.record_id]
    assert call.record_id.hex() not in str(records.published)


async def test_record_fits_the_recorder(make_call):
    """A record is never larger than what the recorder takes."""
    call, records = make_call(), FakeRecorder(largest=20_000)
    call.request_section.fields["ingress_payload"] = "x" * 100_000
    recording.publish(call, records)
    assert len(records.bytes[0]) <= 20_000


async def test_a_call_that_is_not_recorded_is_not_kept(make_call):
    """A refused call leaves nothing in the journal either."""
    call, records = make_call(), FakeRecorder()
    call.is_recorded = False
    recording.accept(call, records)
    assert records.accepted == []


async def test_record_has_the_parts_of_the_specification(make_call):
    """The record has ids, both sections and all timers, `error` only if there is one."""
    records = FakeRecorder()
    recording.publish(make_call(), records)
    record = records.published[0][1]
    assert set(record) == {
        "session_id",
        "transaction_id",
        "request",
        "response",
        "usage",
        "ingress_egress_timer",
        "egress_post_timer",
    }
    assert record["usage"] == {"source": "none"}
    timers = [
        record["ingress_egress_timer"],
        record["request"]["ingress_outbound_timer"],
        record["response"]["inbound_egress_timer"],
    ]
    assert all(set(timer) == {"start", "stop", "duration"} for timer in timers)
