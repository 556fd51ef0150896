"""The record of a call: filtered, and complete when the call is."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gecholog.rawjson import Raw
from services.gl.record import writer
from services.gl.record.filter import FieldFilter
from services.gl.record.section import RecordSection
from services.gl.record.writer import section_fields, shown
from services.gl.status import Status
from tests.services.gl.rig.stage import FakeRecorder, built, call_of, doors


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ((), (), {"a", "b", "ingress_payload", "timer", "processors", "processors_async", "error"}),
        (("a", "error", "absent"), (), {"a", "error"}),
        ((), ("a", "processors"), {"b", "ingress_payload", "timer", "processors_async", "error"}),
        (("a", "b"), ("a",), {"b"}),
    ],
)
def test_section_is_filtered(include, exclude, expected):
    """Fields to include (empty: all), less those to exclude; processors, timers and errors are fields too."""
    side = RecordSection({"a": 1, "b": 2, "ingress_payload": "p"})
    side.runs.append({"name": "x"})
    side.async_runs.append({"name": "y"})
    side.note("z", "details")
    assert set(shown(section_fields(side, {"timer": {}}), FieldFilter(include, frozenset(exclude)), 1000)) == expected


def test_section_leaves_out_what_is_empty():
    """No processors, no errors: no fields for them."""
    assert section_fields(RecordSection({"a": 1}), {}) == {"a": 1}


def test_section_cuts_large_payloads():
    """A payload over `log_max_payload_bytes` is shown by size, hash and head; other fields are not touched."""
    side = RecordSection({"ingress_payload": Raw(b'"%b"' % (b"x" * 3000)), "other": "y" * 3000})
    fields = shown(section_fields(side, {}), FieldFilter(), 2048)
    assert fields["ingress_payload"]["size"] == 3002
    assert fields["other"] == "y" * 3000
    assert [error["name"] for error in fields["error"]] == ["ingress_payload"]
    assert side.fields["ingress_payload"] == b'"%b"' % (b"x" * 3000)
    assert side.errors == []


def test_section_without_errors_notes_nothing():
    """Who does not log errors is not told by one either that a payload was cut."""
    side = RecordSection({"ingress_payload": Raw(b'"%b"' % (b"x" * 3000))})
    assert shown(section_fields(side, {}), FieldFilter((), frozenset({"error"})), 2048).keys() == {"ingress_payload"}


def anything():
    """What a processor may have written."""
    return st.integers() | st.text(max_size=3) | st.just(Raw(b'{"b" : 1}'))


@pytest.mark.parametrize("early", [True, False])
def test_timer_of_a_processor(early):
    """A processor that writes `inbound_egress_timer` changes nothing: ours is in the record, once."""
    call, records = call_of(built(), sent=1, received=2), FakeRecorder()
    if early:
        call.response_section.fields["inbound_egress_timer"] = "a processor's"
    writer.accept(call, doors(records=records))
    call.response_section.fields |= {"note": 1, "inbound_egress_timer": "a processor's"}
    writer.publish(call, doors(records=records))
    ((_, record),) = records.settled
    assert set(record["response"]["inbound_egress_timer"]) == {"start", "stop", "duration"}


NAMES = [
    "gl_path",
    "inbound_payload",
    "egress_headers",
    "token_count",
    "processors",
    "processors_async",
    "error",
    "outbound_inbound_timer",
    "inbound_egress_timer",
]
written = st.dictionaries(st.sampled_from(NAMES), anything(), max_size=4)


@settings(deadline=None)
@given(
    before=written,
    later=written,
    runs=st.lists(written, max_size=2),
    note=st.booleans(),
    on_request=written,
    filters=st.sampled_from([{}, {"fields_include": ["gl_path", "error"]}, {"fields_exclude": ["token_count"]}]),
)
def test_the_second_time_it_is_as_if_it_were_the_first(before, later, runs, note, on_request, filters):
    """Whatever comes after the record was kept, the final one is that of a call that was never kept."""
    config = built(logger={"request": {}, "response": filters})

    def final(*, kept):
        call, records = call_of(config, target=config.routers["/service/"], sent=1, received=2), FakeRecorder()
        call.response_section.fields |= {"gl_path": "/service/", "inbound_payload": Raw(b'{"a":1}')} | before
        if note:
            call.response_section.runs.append({"name": "zero", "details": {}})
            call.response_section.note("zero", "early")
        if kept:
            writer.accept(call, doors(records=records))
        call.replied = 3
        call.response_section.fields |= later
        for run in runs:
            call.response_section.async_runs.append({"name": "one", "details": {}})
            call.response_section.fields |= {
                name: value for name, value in run.items() if name not in call.response_section.fields
            }
        if on_request:
            call.request_section.fields |= on_request
            call.request_section.async_runs.append({"name": "two", "details": {}})
        if later:
            call.response_section.note("one", "late")
        call.started = 1
        writer.publish(call, doors(records=records))
        ((_, data),) = records.settled
        times = ("ingress_egress_timer", "egress_post_timer")
        return {name: value for name, value in data.items() if name not in times}, records.bytes[0]

    whole, _ = final(kept=False)
    record, data = final(kept=True)
    assert without_texts(record) == without_texts(whole)
    assert_no_repetitions(data)


def without_texts(value):
    """The same less times of day, which differ from one call to the next."""
    if isinstance(value, dict):
        return {name: without_texts(item) for name, item in value.items() if name not in ("start", "stop")}
    return value


def assert_no_repetitions(data):
    def unique(pairs):
        assert len({name for name, _ in pairs}) == len(pairs), pairs
        return dict(pairs)

    json.loads(data, object_pairs_hook=unique)


async def test_payload_that_comes_late_and_is_cut(make_call):
    """The record has one `error`, whatever was noted before."""
    call, records = make_call(), FakeRecorder()
    call.response_section.note("early", "noted before the reply was complete")
    writer.accept(call, doors(records=records))
    call.response_section.fields["ingress_payload"] = Raw(b'"%b"' % (b"x" * (call.config.log_max_payload + 1)))
    writer.publish(call, doors(records=records))
    assert_no_repetitions(records.bytes[-1])
    assert [error["name"] for error in records.settled[-1][1]["response"]["error"]] == ["early", "ingress_payload"]


async def test_record_is_settled_under_its_id(make_call):
    """The final record goes to the recorder with the id of the call, which is not in the record."""
    records = FakeRecorder()
    call = make_call()
    writer.publish(call, doors(records=records))
    assert [record_id for record_id, _ in records.settled] == [call.record_id]
    assert call.record_id.hex() not in str(records.settled)


async def test_record_fits_the_recorder(make_call):
    """A record is never larger than what the recorder takes."""
    call, records = make_call(), FakeRecorder(largest=20_000)
    call.request_section.fields["ingress_payload"] = "x" * 100_000
    writer.publish(call, doors(records=records))
    assert len(records.bytes[0]) <= 20_000


async def test_a_call_that_is_not_recorded_is_not_kept(make_call):
    """A refused call leaves nothing in the journal either."""
    call, records = make_call(), FakeRecorder()
    call.is_recorded = False
    writer.accept(call, doors(records=records))
    assert records.accepted == []


async def test_record_has_the_parts_of_the_specification(make_call):
    """The record has ids, both sections and all timers, `error` only if there is one."""
    records = FakeRecorder()
    writer.publish(make_call(), doors(records=records))
    record = records.settled[0][1]
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


async def test_status_remembers_the_call(make_call):
    """The is-alive answer names the last recorded call."""
    call, status = make_call(), Status()
    writer.publish(call, doors(status=status))
    body = status.report()["Body"]
    assert body["LastTransactionID"] == call.ids.transaction_id
    assert body["LastIngressTime"].endswith("Z")
    assert body["LastError"] == body["LastErrorTime"] == ""
