"""Records become rows, whatever processors and providers have put into them."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.errors import NotJson
from gecholog.ledger.record_reader import call_of

PAGE = Path(__file__).parents[3] / "docs" / "records.md"


def documented():
    """The record of docs/records.md."""
    text = PAGE.read_text("utf-8")
    return json.loads(re.search(r"## What a record looks like\n\n```json\n(.*?)```", text, re.DOTALL)[1])


def read(record, **changes):
    return call_of(json.dumps(record | changes).encode(), "id", 7)


def test_the_documented_record():
    record = documented()
    call = read(record, cost={"usd": "0.02075325", "prices": "2026-11-30"}, client={"key": "k", "tags": ["a", 1, "a"]})
    assert (call.id, call.stream_sequence, call.session_id) == ("id", 7, record["session_id"])
    assert (call.router, call.method, call.endpoint) == ("/dummy/", "POST", "v1/chat/completions")
    assert (call.provider, call.model, call.requested_model) == ("127.0.0.1", "dummy", "dummy")
    assert (call.status, call.status_class, call.error_class, call.completed) == (200, 2, "", True)
    assert (call.prompt_tokens, call.completion_tokens, call.total_tokens) == (1, 4, 5)
    assert (call.cost_pico, call.extra_cost_pico, call.price_version) == (20_753_250_000, 0, "2026-11-30")
    assert (call.started_us, call.duration_us, call.upstream_us) == (1_796_030_900_162_234, 6829, 1309)
    assert call.overhead_us == 6829 - 1309
    assert (call.client_key, call.tags) == ("k", ("a",))
    assert call.request_bytes == len(json.dumps(record["request"]["ingress_payload"]))
    assert [(one.number, one.host, one.status) for one in call.attempts] == [(1, "127.0.0.1", 200)]


def test_attempts_and_what_they_cost():
    record = documented()
    timer = record["response"]["outbound_inbound_timer"]
    record["request"]["model"] = "smart"
    record["request"]["classifier"] = {"model": "small", "rating": 3, "cost": {"usd": "0.000001", "prices": "x"}}
    record["request"]["attempts"] = [
        {
            "gl_path": "/v1/",
            "url": "http://a.test/x",
            "provider": "a",
            "model": "m1",
            "timer": timer,
            "error": "refused",
        },
        {
            "gl_path": "/v1/",
            "url": "http://b.test/x",
            "provider": "b",
            "model": "m2",
            "status_code": 500,
            "error": "your prompt 'secret' is bad",
            "usage": {"source": "provider", "prompt_tokens": 9},
            "cost": {"usd": "0.5", "prices": "x"},
            "timer": timer,
        },
        {
            "gl_path": "/v1/",
            "url": "http://c.test/x",
            "provider": "c",
            "model": "m3",
            "status_code": 200,
            "timer": timer,
        },
    ]
    call = read(record, cost={"usd": "0.25", "prices": "x"})
    assert (call.requested_model, call.provider, call.model, call.attempt_count) == ("smart", "c", "m3", 3)
    assert call.cost_pico == 750_001_000_000
    assert call.extra_cost_pico == 500_001_000_000
    assert [one.error for one in call.attempts] == ["refused", "", ""]  # what a provider says may quote the request
    assert (call.attempts[1].cost_pico, call.attempts[1].prompt_tokens) == (500_000_000_000, 9)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"egress_status_code": 429, "inbound_status_code": 429}, "provider_rate_limit"),
        ({"egress_status_code": 400, "inbound_status_code": 400}, "provider_refused"),
        ({"egress_status_code": 502, "inbound_status_code": 500}, "provider_failed"),
        ({"egress_status_code": 502, "inbound_status_code": None}, "unreachable"),
        ({"egress_status_code": 429, "inbound_status_code": None}, "limit"),
        ({"egress_status_code": 403, "inbound_status_code": None}, "unauthorized"),
        ({"egress_status_code": 413, "inbound_status_code": None}, "invalid_request"),
        ({"egress_status_code": None}, "no_reply"),
        ({"inbound_stream": {"completed": False}}, "incomplete"),
        (
            {"error": [{"name": "egress", "details": "the client disconnected before the end of the reply"}]},
            "client_left",
        ),
    ],
)
def test_error_classes(changes, expected):
    record = documented()
    record["response"] |= changes
    assert read(record).error_class == expected


def unanswered(details):
    record = documented()
    record["response"] |= {"inbound_status_code": 502, "egress_status_code": 502, "inbound_headers": {}}
    record["response"]["error"] = [{"name": "egress_status_code", "details": details}]
    return record


def test_a_target_without_a_response_is_unreachable():
    call = read(unanswered("Connection refused"))
    assert call.error_class == "unreachable"
    assert [(one.status, one.error) for one in call.attempts] == [(None, "Connection refused")]


def test_a_status_of_a_target_without_headers_is_its_own():
    call = read(unanswered("status 502"))
    assert call.error_class == "provider_failed"
    assert [(one.status, one.error) for one in call.attempts] == [(502, "")]


def test_a_last_attempt_without_a_response_is_unreachable():
    record = unanswered("Connection refused")
    answered = {"url": "http://a.test/x", "status_code": 500, "error": "overloaded"}
    record["request"]["attempts"] = [answered, {"url": "http://b.test/x", "error": "Connection refused"}]
    assert read(record).error_class == "unreachable"
    record["request"]["attempts"].reverse()
    assert read(record).error_class == "provider_failed"


def test_a_processor_that_failed():
    record = documented()
    run = {"required": False, "completed": False, "timestamp": {}}
    record["request"]["processors"] = [
        {"name": "filter", "details": run},
        {"name": "ok", "details": run | {"completed": True}},
    ]
    assert read(record).failed_processors == ("filter",)


def test_summaries_of_payloads_have_the_size_of_the_payload():
    record = documented()
    record["request"]["ingress_payload"] = {"size": 123456, "sha256": "x", "head": "y"}
    record["response"]["egress_payload"] = {"content_type": "image/png", "size": 77, "sha256": "x"}
    data = json.dumps(record, separators=(",", ":")).encode()
    assert (call_of(data, "id").request_bytes, call_of(data, "id").response_bytes) == (123456, 77)


def test_a_payload_that_is_not_stored_again_is_that_of_its_twin():
    record = documented()
    once = read(record)
    record["request"]["outbound_payload"] = record["request"]["ingress_payload"]
    record["response"]["egress_payload"] = record["response"]["inbound_payload"]
    twice = read(record)
    assert (once.model, once.response_bytes) == (twice.model, twice.response_bytes)
    assert once.response_bytes > 0


@pytest.mark.parametrize(
    "data",
    [
        b'{"request": {"model": "\\ud800x", "url": "http://a/"}, "client": {"key": "a\\u0000b"}}',
        b'{"request": {"model": "a\\u0000b", "x": ' + b"[" * 995 + b"]" * 995 + b"}}",
    ],
)
def test_texts_that_databases_refuse_are_cleaned(data):
    call = call_of(data, "id")
    assert "\N{REPLACEMENT CHARACTER}" in call.requested_model
    assert "\0" not in call.client_key


def test_numbers_that_overflow_sums_are_not_counts():
    assert (
        read(documented(), usage={"source": "provider", "prompt_tokens": 10**30, "total_tokens": True}).prompt_tokens
        is None
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"[]", b"1", b'{"a":', b"\xff", b"[" * 5000, b'{"session_id": "\xff"}'],
    ids=["empty", "word", "list", "number", "cut", "no-utf8", "deep", "text-no-utf8"],
)
def test_what_is_not_a_record(data):
    with pytest.raises(NotJson):
        call_of(data, "id")


def test_a_duration_of_a_clock_that_was_set_is_cut():
    set_meanwhile = {"start": "1970-01-01T00:00:00Z", "stop": "9999-12-31T23:59:59Z", "duration": 10**12}
    record = documented()
    record["request"]["attempts"] = [{"url": "http://a.test/x", "timer": set_meanwhile}] * 100
    call = read(record, ingress_egress_timer=set_meanwhile)
    assert (call.started_us, call.duration_us, call.upstream_us) == (0, 10**12, 10**14)
    no_stop = {"start": "1970-01-01T00:00:00Z", "duration": 10**12}
    assert read(record, ingress_egress_timer=no_stop).duration_us == 10**12


def test_parts_that_cost_too_much_together_are_not_stored():
    record = documented()
    record["request"]["attempts"] = [{"url": "http://a.test/x", "cost": {"usd": "60000"}}] * 2
    call = read(record, cost={"usd": "1"})
    assert (call.cost_pico, call.extra_cost_pico) == (None, 0)
    record["request"]["attempts"].pop()
    call = read(record, cost={"usd": "40000"})
    assert (call.cost_pico, call.extra_cost_pico) == (10**17, 6 * 10**16)


def test_the_parts_of_a_cost_are_rounded_once():
    record = documented()
    half, little = "99999.0000000000005", "0.0000000000000000000000000000000001"
    record["request"]["attempts"] = [{"url": "http://a.test/x", "cost": {"usd": little}}]
    assert read(record, cost={"usd": half}).cost_pico == 99_999 * 10**12 + 1


def test_payloads_that_are_no_utf8():
    data = b'{"session_id":"S","request":{"url":"http://a.test/x","ingress_payload":{"model":"\xff"}}}'
    call = call_of(data, "id")
    assert (call.session_id, call.requested_model, call.request_bytes) == ("S", "", 13)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_any_value_in_any_field_becomes_a_row(data):
    record = documented()
    record["request"]["attempts"] = [{"timer": {}}]
    where = data.draw(
        st.sampled_from(
            [record, record["request"], record["response"], record["usage"], record["request"]["attempts"][0]]
        )
    )
    where[
        data.draw(st.sampled_from([*where, "model", "client", "cost", "error", "processors", "status_code", "url"]))
    ] = data.draw(_json)
    call = read(record)
    texts = [getattr(call, name) for name in call.__slots__ if isinstance(getattr(call, name), str)]
    assert all("\0" not in text and text.encode() is not None for text in texts)
    numbers = [getattr(call, name) for name in call.__slots__ if isinstance(getattr(call, name), int)]
    assert all(0 <= number < 2**62 for number in numbers)
