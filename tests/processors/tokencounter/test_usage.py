"""Messages and their replies."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import gjson
from gecholog.quota.window import Window
from processors.tokencounter.counters import Counters
from processors.tokencounter.message_reader import MessageReader
from processors.tokencounter.missing_usage import MissingUsage
from processors.tokencounter.usage import CapRefusal, Rules, UsagePattern, answer, counted


def pattern(field, *paths):
    return UsagePattern(field, tuple(gjson.parse(path) for path in paths))


TOTAL = pattern("total_tokens", "inbound_payload.usage.total_tokens")
PATTERNS = {"default": (TOTAL,), "/own/": (pattern("n", "inbound_payload.n"),)}


REQUEST = b'{"gl_path": "/capped/", "ingress_payload": {}}'


def counters(cap=100):
    return Counters({"/capped/": {"total_tokens": cap}}, Window(60_000))


def reply(message, patterns=PATTERNS, counting=None, now=0):
    return answer(message, Rules(patterns), counting or counters(), MissingUsage(lambda *_: None), now)


def exhausted(now=0):
    counting = counters()
    counting.add("/capped/", {"total_tokens": 100}, now)
    return counting


@pytest.mark.parametrize(
    "message",
    [
        b'{"ingress_payload": {"a" : 1.50}}',
        b'{ "gl_path": "/capped/",\n "ingress_payload": null}',
        b'{"gl_path": "/open/", "ingress_payload": {}, "inbound_payload": {"usage": {"total_tokens": 3}}}',
        b"{}",
        b" null",
    ],
)
def test_sent_back(message):
    """A message that is not changed comes back byte for byte."""
    assert reply(message) is message


@pytest.mark.parametrize("message", [b"", b"hello", b"{", b"[1]", b'"text"', b"7", b'{"gl_path": "\xff"}', b"[" * 9000])
def test_not_ours(message):
    """A message that is not a JSON object gets an empty reply."""
    assert reply(message) == b""


def test_patterns_by_router():
    """A router with its own patterns does not use the default ones."""
    message = {"gl_path": "/own/", "inbound_payload": {"n": 4, "usage": {"total_tokens": 9}}}
    assert json.loads(reply(json.dumps(message).encode())) == {"token_count": {"n": 4}}


def test_no_patterns():
    """Without patterns and without a default a response comes back unchanged."""
    message = b'{"gl_path": "/x/", "inbound_payload": {"n": 4}}'
    assert reply(message, {"/own/": PATTERNS["/own/"]}) == message


def test_path_that_is_no_text():
    """A gl_path that is not a string belongs to no router, so the default patterns apply."""
    message = b'{"gl_path": null, "inbound_payload": {"usage": {"total_tokens": 3}}}'
    assert reply(message) == b'{"token_count":{"total_tokens":3}}'


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("7", 7),
        ("0", 0),
        ("-0.0", 0),
        ("3.9", 3),
        ("1e3", 1000),
        ("9223372036854775807", 2**63 - 1),
        ("-1", None),
        ("-0.5", None),
        ("9223372036854775808", None),
        ("18446744073709551616", None),
        ("1e300", None),
        ("1e999", None),
        ("true", None),
        ("null", None),
        ('"7"', None),
        ("[7]", None),
        ('{"n": 7}', None),
    ],
)
def test_numbers(value, count):
    """Only a valid number of tokens counts: not negative, finite, in 64 bits, with fractions cut off."""
    message = f'{{"gl_path": "/x/", "inbound_payload": {{"usage": {{"total_tokens": {value}}}}}}}'.encode()
    expected = {} if count is None else {"total_tokens": count}
    assert json.loads(reply(message)) == {"token_count": expected}


def test_the_cap():
    """After a response that reaches the cap, requests are refused, and the refusal names the router."""
    counting = counters()
    response = b'{"gl_path": "/capped/", "inbound_payload": {"usage": {"total_tokens": 50}}}'
    reply(response, counting=counting)
    assert reply(REQUEST, counting=counting) == REQUEST
    reply(response, counting=counting)
    refusal = {"control": {"Error": "Consumption Cap Exceeded. Try again later", "Path": "/capped/"}}
    assert json.loads(reply(REQUEST, counting=counting)) == refusal


def refused(refusal, now, counting):
    return json.loads(answer(REQUEST, Rules(PATTERNS, refusal), counting, MissingUsage(lambda *_: None), now))


@pytest.mark.parametrize(("now", "seconds"), [(0, "60"), (1, "60"), (1000, "59"), (59_001, "1"), (59_999, "1")])
def test_a_status_of_its_own(now, seconds):
    """With another status the client gets `Retry-After`, and a body that SDKs understand."""
    answered = refused(CapRefusal(429), now, exhausted())
    words = "Consumption Cap Exceeded. Try again later"
    error = {"message": words, "type": "tokens", "code": "rate_limit_exceeded"}
    assert answered["control"] == {"Error": words, "Path": "/capped/", "error": error}
    assert answered["control_status_code"] == 429
    assert answered["control_headers"] == {"Retry-After": [seconds], "x-should-retry": ["false"]}


def test_without_the_word_on_retries():
    """The header that prevents retries can be turned off."""
    assert refused(CapRefusal(503, no_retry=False), 0, exhausted())["control_headers"] == {"Retry-After": ["60"]}


def test_when_a_sliding_window_frees():
    """Requests are permitted as soon as enough usage leaves the window."""
    counting = Counters({"/capped/": {"total_tokens": 100}}, Window(60_000, sliding=True))
    for moment in (0, 10_000, 20_000):
        counting.add("/capped/", {"total_tokens": 40}, moment)
    assert refused(CapRefusal(429), 25_000, counting)["control_headers"]["Retry-After"] == ["35"]
    counting.add("/capped/", {"total_tokens": 20}, 25_000)
    assert refused(CapRefusal(429), 25_000, counting)["control_headers"]["Retry-After"] == ["45"]


def test_negative_numbers_do_not_lower():
    """A negative count does not give usage back."""
    counting = counters()
    for number in (100, -90):
        reply(b'{"gl_path":"/capped/","inbound_payload":{"usage":{"total_tokens":%d}}}' % number, counting=counting)
    assert b"control" in reply(REQUEST, counting=counting)


SEVERAL = (
    pattern("n", "inbound_payload.a"),
    pattern("n", "inbound_payload.b", "inbound_payload.c"),
    pattern("m", "inbound_payload.c"),
)


@pytest.mark.parametrize(
    ("payload", "counts"),
    [
        ({"a": 1, "b": 2, "c": 3}, {"n": 1, "m": 3}),
        ({"a": 0, "b": 2}, {"n": 0}),
        ({"b": 2, "c": 3}, {"n": 5, "m": 3}),
        ({"b": 2}, {"n": 2}),
        ({"a": -1, "c": 3}, {"n": 3, "m": 3}),
        ({"a": None, "b": "2", "c": True}, {}),
        ({"b": 2**63 - 1, "c": 3}, {"n": 2**63 - 1, "m": 3}),
        ({}, {}),
    ],
)
def test_several_patterns_of_a_field(payload, counts):
    """The first alternative with a number counts. A sum adds the numbers that exist."""
    message = json.dumps({"gl_path": "/x/", "inbound_payload": payload}).encode()
    assert json.loads(reply(message, {"default": SEVERAL})) == {"token_count": counts}


@pytest.mark.parametrize("refusal", [CapRefusal(), CapRefusal(429), CapRefusal(429, no_retry=False)])
def test_a_closed_router(refusal):
    """Its requests are refused with 503 that names the wrong entry. Other routers are not affected."""
    rules = Rules(PATTERNS, refusal, {"/capped/": "token_caps[0].fields[0].value"})
    answered = json.loads(answer(REQUEST, rules, counters(), MissingUsage(lambda *_: None), 0))
    assert answered["control_status_code"] == 503
    assert answered["control"]["Path"] == "/capped/"
    assert "token_caps[0].fields[0].value" in answered["control"]["Error"]
    assert answered["control"]["error"]["message"] == answered["control"]["Error"]
    assert ("control_headers" in answered) == refusal.no_retry
    other = REQUEST.replace(b"capped", b"other")
    assert answer(other, rules, counters(), MissingUsage(lambda *_: None), 0) is other


def uncounted_of(patterns=PATTERNS, router="/capped/", **fields):
    """Log messages about a response."""
    said = []
    message = json.dumps({"gl_path": router} | fields).encode()
    answer(message, Rules(patterns), counters(), MissingUsage(lambda *one: said.append(one)), 0)
    return said


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"inbound_payload": {}, "inbound_status_code": 200}, True),
        ({"inbound_payload": "text", "inbound_status_code": 299}, True),
        ({"inbound_status_code": 200}, True),
        ({"inbound_payload": {"error": "x"}, "inbound_status_code": 200}, True),
        ({"inbound_payload": {}, "inbound_status_code": 300}, False),
        ({"inbound_payload": {}, "inbound_status_code": 404}, False),
        ({"inbound_payload": {}}, True),
        ({"inbound_payload": {"error": None}}, True),
        ({"inbound_payload": {"error": {"message": "x"}}}, False),
        ({"inbound_payload": {"usage": {"total_tokens": 0}}, "inbound_status_code": 200}, False),
    ],
)
def test_an_answer_that_is_not_counted(fields, expected):
    """A success without a number for a capped field is logged. Without a status, errors are detected by their form."""
    named = fields | {"transaction_id": "T_1"}
    assert uncounted_of(**named) == ([("/capped/", "total_tokens", "T_1", 1)] if expected else [])
    assert uncounted_of(**fields) == ([("/capped/", "total_tokens", "", 1)] if expected else [])
    assert not uncounted_of(router="/other/", **named)


def test_a_capped_router_without_patterns():
    """Its usage is never counted, which is logged too."""
    assert uncounted_of({"/own/": PATTERNS["/own/"]}, inbound_payload={}, inbound_status_code=200)


@given(st.floats() | st.integers())
def test_any_number(value):
    """Whatever the number, the count is an integer from 0 to the largest of 64 bits, or omitted."""
    found = {"inbound_payload": {"usage": {"total_tokens": value}}}
    counts = counted(found, MessageReader(TOTAL.paths), (TOTAL,))
    assert all(type(count) is int and 0 <= count < 2**63 for count in counts.values())


@given(st.binary())
def test_any_bytes(message):
    """No message makes it fail."""
    assert isinstance(reply(message), bytes)
