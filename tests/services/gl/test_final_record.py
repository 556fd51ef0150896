"""The record of a call: filtered, and never larger than the bus takes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.rawjson import Raw, dumps
from services.gl import final_record
from services.gl.call import Half
from services.gl.config import Filter
from services.gl.final_record import fitted, half
from services.gl.status import Status
from tests.services.gl.rig.stage import FakeRecorder, doors

texts = st.one_of(
    st.text(max_size=50),
    st.integers(0, 60_000).map(lambda size: "x" * size),
    st.integers(0, 30_000).map(lambda size: '"\\' * size),
    st.integers(0, 20_000).map(lambda size: "é\n" * size),
    st.integers(0, 9_000).map(lambda size: "\0" * size),
)
payloads = (
    texts | texts.map(lambda text: Raw(json.dumps({"text": text}).encode())) | texts.map(lambda text: {"a": [text]})
)
names = st.sampled_from(["ingress_payload", "inbound_payload", "headers", "url", "error", "other"])
sides = st.dictionaries(names, payloads, max_size=6)


def size_of_uncuttable(made):
    """The bytes that are left when every field is as small as it gets."""
    return 6000 * 12 + sum(len(json.dumps(name)) for side in ("request", "response") for name in made[side])


@given(sides, sides, st.integers(1000, 300_000))
def test_fitted_is_within_the_limit(request_fields, response_fields, limit):
    """A record fits, unless nothing in it is left to cut; it is JSON, and says what was cut."""
    made = {"transaction_id": "T", "request": request_fields, "response": response_fields}
    before = {
        (side, name): json.loads(dumps(made[side][name])) for side in ("request", "response") for name in made[side]
    }
    data = fitted(made, limit)
    shown = json.loads(data)
    assert len(data) <= max(limit, size_of_uncuttable(made))
    cut = {tuple(entry["name"].split(".", 1)) for entry in shown.get("error", ())}
    for (side, name), value in before.items():
        if (side, name) in cut:
            assert set(shown[side][name]) == {"size", "sha256", "head"}
        else:
            assert shown[side][name] == value


def test_fitted_cuts_the_largest_first():
    """What is small stays whole."""
    made = {"request": {"a": "x" * 5000, "b": "y" * 200_000}, "response": {"c": "z" * 9000}}
    shown = json.loads(fitted(made, 50_000))
    assert shown["request"]["a"] == "x" * 5000
    assert shown["response"]["c"] == "z" * 9000
    assert shown["request"]["b"]["size"] == 200_002
    assert [entry["name"] for entry in shown["error"]] == ["request.b"]


def test_fitted_leaves_alone_what_fits():
    """A record of exactly the limit is not touched."""
    made = {"request": {"a": "x" * 5000}, "response": {}}
    size = len(json.dumps(made, separators=(",", ":")))
    assert json.loads(fitted(made, size)) == made
    assert "error" not in made


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ((), (), {"a", "b", "ingress_payload", "timer", "processors", "processors_async", "error"}),
        (("a", "error", "absent"), (), {"a", "error"}),
        ((), ("a", "processors"), {"b", "ingress_payload", "timer", "processors_async", "error"}),
        (("a", "b"), ("a",), {"b"}),
    ],
)
def test_half_is_filtered(include, exclude, expected):
    """Fields to include (empty: all), less those to exclude; processors, timers and errors are fields too."""
    side = Half({"a": 1, "b": 2, "ingress_payload": "p"})
    side.runs.append({"name": "x"})
    side.async_runs.append({"name": "y"})
    side.note("z", "details")
    assert set(half(side, {"timer": {}}, Filter(include, frozenset(exclude)), 1000)) == expected


def test_half_leaves_out_what_is_empty():
    """No processors, no errors: no fields for them."""
    assert half(Half({"a": 1}), {}, Filter(), 1000) == {"a": 1}


def test_half_cuts_large_payloads():
    """A payload over `log_max_payload_bytes` is shown by size, hash and head; other fields are not touched."""
    side = Half({"ingress_payload": Raw(b'"%b"' % (b"x" * 3000)), "other": "y" * 3000})
    shown = half(side, {}, Filter(), 2048)
    assert shown["ingress_payload"]["size"] == 3002
    assert shown["other"] == "y" * 3000
    assert side.fields["ingress_payload"] == b'"%b"' % (b"x" * 3000)


async def test_record_is_settled_under_its_id(make_call):
    """The final record goes to the recorder with the id of the call, which is not in the record."""
    records = FakeRecorder()
    call = make_call()
    await final_record.publish(call, doors(records=records))
    assert [record_id for record_id, _ in records.settled] == [call.record_id]
    assert call.record_id.hex() not in str(records.settled)


async def test_record_fits_the_recorder(make_call):
    """A record is never larger than what the recorder takes."""
    call, records = make_call(), FakeRecorder(largest=20_000)
    call.request.fields["ingress_payload"] = "x" * 100_000
    await final_record.publish(call, doors(records=records))
    assert len(records.bytes[0]) <= 20_000


async def test_a_call_that_is_not_recorded_is_not_kept(make_call):
    """A refused call leaves nothing in the journal either."""
    call, records = make_call(), FakeRecorder()
    call.is_recorded = False
    final_record.accept(call, doors(records=records))
    assert records.accepted == []


async def test_record_has_the_parts_of_the_specification(make_call):
    """The record has ids, both halves and all timers, `error` only if there is one."""
    records = FakeRecorder()
    await final_record.publish(make_call(), doors(records=records))
    shown = records.settled[0][1]
    assert set(shown) == {
        "session_id",
        "transaction_id",
        "request",
        "response",
        "ingress_egress_timer",
        "egress_post_timer",
    }
    timers = [
        shown["ingress_egress_timer"],
        shown["request"]["ingress_outbound_timer"],
        shown["response"]["inbound_egress_timer"],
    ]
    assert all(set(timer) == {"start", "stop", "duration"} for timer in timers)


async def test_status_remembers_the_call(make_call):
    """The is-alive answer names the last recorded call."""
    call, status = make_call(), Status()
    await final_record.publish(call, doors(status=status))
    body = status.report()["Body"]
    assert body["LastTransactionID"] == call.ids.transaction_id
    assert body["LastIngressTime"].endswith("Z")
    assert body["LastError"] == body["LastErrorTime"] == ""
