"""The outcome of calls, read from responses."""

import json
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.message import Message, Response
from processors.broker.health import Failure
from processors.broker.outcome import Outcome, outcomes, retry_after_of

WALL = 1_700_000_000.0

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


def read(fields, *, any_status_but_200=False):
    message = Message.of(json.dumps(fields).encode())
    assert isinstance(message, Response)
    return outcomes(message, any_status_but_200=any_status_but_200, wall=WALL)


def attempt(path, status=None, error=None, duration=None, **more):
    came = {"status_code": status} if status else {"error": error}
    timer = {} if duration is None else {"timer": {"start": "", "stop": "", "duration": duration}}
    return {"gl_path": path, "url": "http://a/"} | came | timer | more


def failed(path, reason, asked=None):
    return Outcome(path, Failure(reason, asked))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_the_targets_fault(status):
    """These statuses count as failures of the target."""
    assert read({"gl_path": "/a/", "egress_status_code": status}) == [failed("/a/", f"status {status}")]


@pytest.mark.parametrize("status", [200, 201, 204, 302, 400, 401, 403, 404, 413, 422])
def test_not_the_targets_fault(status):
    """These do not: the target works, or the client made a mistake."""
    assert read({"gl_path": "/a/", "egress_status_code": status}) == [Outcome("/a/")]


@pytest.mark.parametrize("status", [201, 302, 400, 404, 500])
def test_the_originals_rule(status):
    """Every status but 200 can count as a failure."""
    fields = {"gl_path": "/a/", "egress_status_code": status}
    assert read(fields, any_status_but_200=True) == [failed("/a/", f"status {status}")]
    assert read(fields | {"egress_status_code": 200}, any_status_but_200=True) == [Outcome("/a/")]


def test_attempts():
    """Each attempt counts for its own target, and the response as a whole is not counted again."""
    fields = {
        "gl_path": "/c/",
        "egress_status_code": 200,
        "attempts": [attempt("/a/", 503), attempt("/b/", error="connection refused"), attempt("/c/", 200, duration=80)],
    }
    expected = [failed("/a/", "status 503"), failed("/b/", "no answer"), Outcome("/c/", None, 80.0)]
    assert read(fields) == expected


def test_headers_of_attempts():
    """The response's headers belong to the last attempt. Earlier attempts have the fields that gl recorded for them."""
    fields = {
        "gl_path": "/b/",
        "egress_headers": {"Retry-After": ["9"]},
        "attempts": [attempt("/a/", 429, retry_after="7"), attempt("/b/", 429)],
    }
    assert read(fields) == [failed("/a/", "status 429", 7.0), failed("/b/", "status 429", 9.0)]
    fields["attempts"][0].pop("retry_after")
    assert read(fields)[0] == failed("/a/", "status 429")


@pytest.mark.parametrize("name", ["egress_headers", "inbound_headers"])
def test_headers_of_a_response(name):
    """The delay that a target requests is understood."""
    fields = {"gl_path": "/a/", "egress_status_code": 429, name: {"Retry-After": ["20"]}}
    assert read(fields) == [failed("/a/", "status 429", 20.0)]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": ["0"]}, 0.0),
        ({"Retry-After": ["1.5"]}, 1.5),
        ({"Retry-After": [formatdate(WALL + 90, usegmt=True)]}, 90.0),
        ({"Retry-After": [formatdate(WALL - 90, usegmt=True)]}, 0.0),
        ({"Retry-After": ["20"], "Retry-After-Ms": ["250"]}, 0.25),
        ({"Retry-After": ["20"], "Retry-After-Ms": ["soon"]}, 20.0),
        ({"Retry-After": ["-1"]}, None),
        ({"Retry-After": ["inf"]}, None),
        ({"Retry-After": ["soon"]}, None),
        ({"Retry-After": []}, None),
        ({"Retry-After": "20"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers, expected):
    """Seconds, a date, or the milliseconds that OpenAI and Azure send."""
    assert retry_after_of(headers, WALL) == expected


@given(st.text())
def test_retry_after_is_never_a_fault(text):
    """Whatever a target sends, the result is a number of seconds or None."""
    asked = retry_after_of({"Retry-After": [text]}, WALL)
    assert asked is None or asked >= 0


@pytest.mark.parametrize(
    ("fields", "latency"),
    [
        ({"attempts": [attempt("/a/", 200, duration=80)]}, 80.0),
        ({"attempts": [attempt("/a/", 400, duration=2)]}, None),
        ({"attempts": [attempt("/a/", 200)]}, None),
        ({"egress_status_code": 200, "outbound_inbound_timer": {"duration": 70}}, 70.0),
        ({"egress_status_code": 200, "inbound_stream": {"chunks": 3, "first_chunk_timer": {"duration": 60}}}, 60.0),
        ({"egress_status_code": 400, "outbound_inbound_timer": {"duration": 1}}, None),
        ({"egress_status_code": 200}, None),
        ({"attempts": [attempt("/a/", 200, duration=10**400)]}, None),
        ({"egress_status_code": 200, "outbound_inbound_timer": {"duration": 10**400}}, None),
        ({"egress_status_code": 200, "outbound_inbound_timer": {"duration": 1e300}}, None),
        ({"egress_status_code": 200, "outbound_inbound_timer": {"duration": -1}}, None),
    ],
)
def test_latency(fields, latency):
    """Latency is read from the fields that gl sends. The latency of a refusal is ignored."""
    assert read({"gl_path": "/a/"} | fields) == [Outcome("/a/", None, latency)]


@given(
    st.fixed_dictionaries(
        {"egress_status_code": json_values},
        optional={
            name: json_values | st.lists(json_values)
            for name in ("gl_path", "attempts", "egress_headers", "inbound_stream", "inbound_status_code")
        },
    )
)
def test_anything(fields):
    """Any input is understood or ignored."""
    for outcome in read(fields):
        assert isinstance(outcome.path, str)
