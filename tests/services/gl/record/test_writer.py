"""The record of a call: filtered, cut to size, and the same whether it is written once or twice."""

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gecholog.rawjson import Raw, dumps
from gecholog.record import payload_of, with_all_payloads
from gecholog.session import Ids
from services.gl.record.filter import FieldFilter
from services.gl.record.payload import Truncated
from services.gl.record.section import RecordSection
from services.gl.record.usage import NO_USAGE
from services.gl.record.writer import RecordWriter

REPLIED = 40_000_000_000  # ticks
ALL = FieldFilter()


class AnAttempt(NamedTuple):
    """What went to a target."""

    shown_headers: dict[str, Any]
    url: str = "http://target/x"


@dataclass
class ACall:
    """A call as a record is made of it."""

    request_section: RecordSection = field(default_factory=RecordSection)
    response_section: RecordSection = field(default_factory=RecordSection)
    ids: Ids = Ids("TST00001_1_1_0", "TST00001_1_2_0")  # noqa: RUF009 - it is frozen
    started: int = REPLIED - 3_000_000
    sent: int = REPLIED - 2_000_000
    received: int = REPLIED - 1_000_000
    replied: int = REPLIED
    attempt: Any = None
    outcomes: list[Any] | None = None
    counted: dict[str, int] | None = None
    usage_shown: Raw = NO_USAGE
    cost_shown: Raw | None = None
    client_shown: dict[str, Any] | None = None
    privacy: Any = None

    @property
    def token_count(self):
        return None if "token_count" in self.response_section.fields else self.counted


def record_of(call, request=ALL, response=ALL, max_payload=2048):
    """A record that is written once."""
    return parsed(RecordWriter(request, response, max_payload).complete(call, None, REPLIED))


def parsed(data):
    """The record. No name comes twice."""

    def unique(pairs):
        assert len({name for name, _ in pairs}) == len(pairs), pairs
        return dict(pairs)

    return json.loads(data, object_pairs_hook=unique)


def section(fields=None, *, runs=0, async_runs=0, errors=0):
    made = RecordSection(fields)
    made.runs += [{"name": f"run {number}"} for number in range(runs)]
    made.async_runs += [{"name": f"async run {number}"} for number in range(async_runs)]
    for number in range(errors):
        made.note(f"error {number}", "details")
    return made


TWINS = {"inbound_payload": Raw(b'{"a": 1}'), "egress_payload": Raw(b'{"a": 1}')}
OWN = {"outbound_inbound_timer", "inbound_egress_timer"}  # what every response has


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ((), (), {"a", "b", "egress_payload", "processors", "processors_async", "error"} | OWN),
        (("a", "error", "absent"), (), {"a", "error"}),
        ((), ("a", "processors"), {"b", "egress_payload", "processors_async", "error"} | OWN),
        (("a", "b"), ("a",), {"b"}),
        ((), tuple(OWN), {"a", "b", "egress_payload", "processors", "processors_async", "error"}),
    ],
)
def test_section_is_filtered(include, exclude, expected):
    """Fields to include (empty: all), less those to exclude; processors, timers and errors are fields too."""
    call = ACall(response_section=section({"a": 1, "b": 2, "egress_payload": "p"}, runs=1, async_runs=1, errors=1))
    assert set(record_of(call, response=FieldFilter(include, frozenset(exclude)))["response"]) == expected


def test_section_leaves_out_what_is_empty():
    """No processors, no errors: no fields for them."""
    assert record_of(ACall(request_section=section({"a": 1})))["request"] == {"a": 1, "url": ""}


def test_section_cuts_large_payloads():
    """A payload over `log_max_payload_bytes` is shown by size, hash and head; other fields are not touched."""
    large = Raw(b'"%b"' % (b"x" * 3000))
    call = ACall(request_section=section({"ingress_payload": large, "other": "y" * 3000}))
    fields = record_of(call)["request"]
    assert fields["ingress_payload"]["size"] == 3002
    assert fields["other"] == "y" * 3000
    assert [error["name"] for error in fields["error"]] == ["ingress_payload"]
    assert call.request_section.fields["ingress_payload"] == large
    assert call.request_section.errors == []


def test_section_without_errors_notes_nothing():
    """Who does not log errors is not told by one either that a payload was cut."""
    call = ACall(request_section=section({"ingress_payload": Raw(b'"%b"' % (b"x" * 3000))}))
    assert set(record_of(call, FieldFilter((), frozenset({"error"})))["request"]) == {"ingress_payload", "url"}


def test_unchanged_payloads_are_named():
    """Without `repeats_payloads`, a payload that equals its twin is named, however it came about."""
    call = ACall(response_section=section({**TWINS, "a": 1}))
    shown = parsed(RecordWriter(ALL, ALL, 2048, repeats_payloads=False).complete(call, None, REPLIED))["response"]
    assert shown["inbound_payload"] == {"a": 1}
    assert shown["unchanged"] == ["egress_payload"]
    assert "egress_payload" not in shown
    assert payload_of(shown, "egress_payload") == {"a": 1}


@pytest.mark.parametrize(
    ("fields", "chosen"),
    [
        (TWINS | {"egress_payload": Raw(b'{"a":1}')}, ALL),
        (TWINS, FieldFilter(exclude=frozenset({"inbound_payload"}))),
        (TWINS, FieldFilter(exclude=frozenset({"unchanged"}))),
        (TWINS, FieldFilter(include=("egress_payload",))),
        (TWINS | {"unchanged": Raw(b"[]")}, ALL),
    ],
    ids=["other bytes", "no twin", "not named", "not chosen", "named by a processor"],
)
def test_other_payloads_are_stored(fields, chosen):
    """What cannot be found again in the record is in it, whatever the config says."""
    call = ACall(response_section=section(fields))
    shown = parsed(RecordWriter(ALL, chosen, 2048, repeats_payloads=False).complete(call, None, REPLIED))["response"]
    assert shown["egress_payload"] == {"a": 1}


def test_fields_of_the_record_come_in_order():
    """Ids, sections, usage, timers; in a section what came, in its order, and then what the record has of its own."""
    call = ACall(section({"b": 1, "a": 2}, runs=1, errors=1), section({"d": 1, "c": 2}, runs=1, async_runs=1))
    record = record_of(call)
    assert list(record) == [
        "session_id",
        "transaction_id",
        "request",
        "response",
        "usage",
        "ingress_egress_timer",
        "egress_post_timer",
    ]
    assert list(record["request"]) == ["b", "a", "url", "processors", "error"]
    assert list(record["response"]) == [
        "d",
        "c",
        "outbound_inbound_timer",
        "processors",
        "processors_async",
        "inbound_egress_timer",
    ]


def test_later_fields_come_in_their_order():
    """What has come since the snapshot is behind it, and the last timer behind that."""
    call, writer = ACall(response_section=section({"a": 1})), RecordWriter(ALL, ALL, 2048)
    snapshot = writer.snapshot(call, REPLIED)
    call.response_section.fields |= {"z": 1, "y": 2, "x": 3}
    call.response_section.async_runs.append({"name": "one"})
    record = parsed(writer.complete(call, snapshot, REPLIED))
    late = ["z", "y", "x", "processors_async", "inbound_egress_timer"]
    assert list(record["response"]) == ["a", "outbound_inbound_timer", *late]


def test_stage_that_was_not_reached():
    """A call that was refused went nowhere, which took no time."""
    record = record_of(ACall(sent=0, received=0))
    assert record["request"]["ingress_outbound_timer"]["duration"] == 3
    for name in ("outbound_inbound_timer", "inbound_egress_timer"):
        assert record["response"][name]["duration"] == 0


# ---------------------------------------------------------------- once and twice

LARGE = Raw(b'"%b"' % (b"x" * 100))  # more than the record shows of a payload, here
NAMES = [
    "gl_path",
    "inbound_payload",
    "egress_payload",
    "ingress_payload",
    "egress_headers",
    "token_count",
    "processors",
    "processors_async",
    "error",
    "url",
    "outbound_inbound_timer",
    "inbound_egress_timer",
]
values = st.one_of(
    st.integers(2),  # to dicts, 1 and True are equal
    st.text(max_size=3),
    st.sampled_from(
        [Raw(b'{"b" : 1}'), Raw(b"[]"), LARGE, None, {"nested": [Raw(b"1.10")]}, Truncated({"size": 5000}, 50)]
    ),
)
fields = st.dictionaries(st.sampled_from(NAMES), values, max_size=5)
counts = st.integers(0, 2)
sections = st.builds(section, fields, runs=counts, async_runs=counts, errors=counts)
filters = st.builds(
    FieldFilter,
    st.lists(st.sampled_from(NAMES), max_size=4, unique=True).map(tuple),
    st.frozensets(st.sampled_from(NAMES), max_size=3),
)
calls = st.builds(
    ACall,
    sections,
    sections,
    sent=st.sampled_from([0, REPLIED - 2_000_000]),
    received=st.sampled_from([0, REPLIED - 1_000_000]),
    replied=st.sampled_from([0, REPLIED]),
    attempt=st.sampled_from([None, AnAttempt({}), AnAttempt({"A": ["b"]})]),
    outcomes=st.sampled_from([None, [], [{"gl_path": "/a/"}]]),
    counted=st.sampled_from([None, {"total_tokens": 3}]),
    usage_shown=st.sampled_from([NO_USAGE, Raw(b'{"source":"provider","total_tokens":3}')]),
    cost_shown=st.sampled_from([None, Raw(b'{"usd":"0.001","prices":"2026-11-30"}')]),
    client_shown=st.sampled_from([None, {"key": "k3v9x2ab", "name": "ci", "owner": "", "tags": []}]),
)


def put(name, value):
    return lambda changed: changed.fields.update({name: value})


def remove(name):
    return lambda changed: changed.fields.pop(name, None)


def run(changed):
    changed.runs.append({"name": "later"})


def run_after_reply(changed):
    changed.async_runs.append({"name": "later"})


def note(changed):
    changed.note("later", "details")


# What happens to a section between the two times: one thing, or a few. Mostly what happens in life.
usual = st.builds(put, st.sampled_from(NAMES), values) | st.just(run_after_reply)
changes = usual | st.sampled_from([run, note]) | st.builds(remove, st.sampled_from(NAMES))
writers = st.builds(RecordWriter, filters, filters, st.just(50), st.booleans()) | st.just(RecordWriter(ALL, ALL, 50))


@settings(max_examples=300, deadline=None)
@given(writers, calls, st.lists(changes, max_size=1), st.lists(usual, max_size=3) | st.lists(changes, max_size=3))
def test_two_passes_equal_one(writer, call, on_request, on_response):
    """Whatever happens after the snapshot, the final record is that of a call of which there is no snapshot."""
    check_two_passes(writer, call, on_request, on_response)


@pytest.mark.parametrize(
    ("make_call", "on_response"),
    [
        (lambda: ACall(counted={"total_tokens": 3}), [put("token_count", Raw(b"4"))]),
        (lambda: ACall(response_section=section({"inbound_payload": LARGE})), [put("error", Raw(b'"a processor"'))]),
        (lambda: ACall(response_section=section({"a": 1})), [put("a", 2), put("b", 3)]),
        (lambda: ACall(response_section=section({"a": 1})), [remove("a"), put("b", 3), put("c", 4)]),
        (ACall, [put("inbound_payload", LARGE)]),
        (ACall, [put("inbound_egress_timer", 1)]),
        (lambda: ACall(response_section=section(TWINS)), [put("unchanged", 1)]),
        (lambda: ACall(response_section=section(TWINS)), [put("egress_payload", Raw(b"2"))]),
    ],
)
@pytest.mark.parametrize("response", [ALL, FieldFilter(exclude=frozenset({"gl_path"}))], ids=["all", "some"])
@pytest.mark.parametrize("repeats", [True, False])
def test_two_passes_equal_one_in_rare_cases(make_call, on_response, response, repeats):
    """The same of what chance does not find soon."""
    check_two_passes(RecordWriter(ALL, response, 50, repeats), make_call(), (), on_response)


def check_two_passes(writer, call, on_request, on_response):
    snapshot = writer.snapshot(call, REPLIED)
    kept = bytes(snapshot.data)
    assert parsed(kept) == parsed(writer.complete(call, None, REPLIED))
    for change in on_request:
        change(call.request_section)
    for change in on_response:
        change(call.response_section)
    once = parsed(writer.complete(call, None, REPLIED))
    twice = parsed(writer.complete(call, snapshot, REPLIED))
    assert twice == once
    assert list(twice) == list(once)
    assert list(twice["request"].items()) == list(once["request"].items())
    assert snapshot.data == kept


@given(writers, calls, fields, counts)
def test_second_pass_appends(writer, call, later, async_runs):
    """The bytes of the snapshot are kept if there are only new fields, and runs after the reply."""
    for each in (call.request_section, call.response_section):
        each.async_runs.clear()
    shown = {"inbound_payload", "egress_payload", "ingress_payload", "error", "token_count", "processors_async"}
    call.response_section.fields.pop("processors_async", None)
    snapshot = writer.snapshot(call, REPLIED)
    for name in later.keys() - shown - call.response_section.fields.keys():
        call.response_section.fields[name] = later[name]
    call.response_section.async_runs += [{"name": "late"}] * async_runs
    data = writer.complete(call, snapshot, REPLIED)
    assert data[: snapshot.end] == snapshot.data[: snapshot.end]
    assert snapshot.changes(call.request_section, call.response_section) is not None


@given(calls, values)
def test_dumps_of_any_value(call, value):
    """Values go into the record as they are."""
    call.request_section.fields["gl_path"] = value
    assert record_of(call)["request"]["gl_path"] == json.loads(dumps(value))


@given(st.builds(section, st.dictionaries(st.sampled_from(["ingress_payload", "outbound_payload", "url"]), values)))
def test_nothing_is_lost_of_unchanged_payloads(request_section):
    """A record with all payloads can be made of one that names those that are unchanged."""
    repeating, naming = (RecordWriter(ALL, ALL, 50, repeats) for repeats in (True, False))
    call = ACall(request_section=request_section)
    whole, short = (parsed(writer.complete(call, None, REPLIED))["request"] for writer in (repeating, naming))
    restored = with_all_payloads(short)
    restored.pop("error", None)  # that a payload was cut is noted once
    whole.pop("error", None)
    assert restored == whole
