"""A record is accepted before the reply is complete, and published when all is over."""

import pytest

from services.gl.call import Call
from services.gl.record import recording
from tests.services.gl.rig.stage import FakeRecorder


async def test_record_is_published_under_its_id(make_call):
    """The final record goes to the recorder with the id of the call, which is not in the record."""
    records = FakeRecorder()
    call = make_call()
    recording.publish(call, records)
    assert [record_id for record_id, _ in records.published] == [call.record_id]
    assert call.record_id.hex() not in str(records.published)


@pytest.mark.parametrize("large", [False, True])
async def test_final_record_is_made_once(make_call, large):
    """Without asynchronous processors, the bytes that were accepted are published, also if they had to be cut."""
    call, records = make_call(), FakeRecorder(largest=20_000)
    call.request_section.fields["ingress_payload"] = "x" * (100_000 if large else 1)
    recording.accept(call, records)
    recording.publish(call, records)
    assert records.is_stored
    assert records.bytes[0] is records.final


async def test_final_record_is_made_again_if_the_call_ends_otherwise(make_call):
    """A client that disconnects at the last byte is noted, although the record was accepted as final."""
    call, records = make_call(), FakeRecorder()
    recording.accept(call, records)
    call.response_section.note("egress", "the client disconnected before the end of the reply")
    recording.publish(call, records)
    assert not records.is_stored
    assert records.record["response"]["error"][-1]["name"] == "egress"


async def test_record_that_processors_complete(make_call, monkeypatch):
    """With asynchronous processors, the record is accepted as one that is not final."""
    monkeypatch.setattr(Call, "has_later_processors", True)
    call, records = make_call(), FakeRecorder()
    recording.accept(call, records)
    assert records.final is None
    recording.publish(call, records)
    assert not records.is_stored


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
