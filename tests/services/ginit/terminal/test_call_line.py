"""Records of calls as lines for people."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ginit.terminal.call_line import call_line
from services.ginit.terminal.palette import Palette

PLAIN = Palette(enabled=False)


def record(status=200, request=None, **response):
    timer = {"start": "2026-01-01T12:01:03.000000000Z", "stop": "2026-01-01T12:01:03.012000000Z", "duration": 12}
    return json.dumps(
        {
            "request": {"gl_path": "/dummy/", "ingress_subpath": "v1/x", "ingress_method": "POST"} | (request or {}),
            "response": {"egress_status_code": status} | response,
            "ingress_egress_timer": timer,
        }
    ).encode()


def test_line_of_a_call():
    """Method, path, status, duration, tokens."""
    line = call_line(record(token_count={"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17}), PLAIN)
    assert line[9:] == "POST /dummy/v1/x 200 12 ms 17 tok"


def test_tokens_without_a_total_are_added():
    """A router may count only the parts."""
    assert call_line(record(token_count={"prompt_tokens": 10, "completion_tokens": 7}), PLAIN).endswith("17 tok")


def test_tokens_that_the_gateway_found():
    """Where no token counter is asked."""
    found = json.loads(record()) | {"usage": {"source": "provider", "prompt_tokens": 9, "total_tokens": 12}}
    assert call_line(json.dumps(found).encode(), PLAIN).endswith("12 tok")
    assert call_line(json.dumps(found | {"usage": {"source": "none"}}).encode(), PLAIN).endswith("12 ms")


def test_reason_of_a_failure():
    """What the record says of a call that failed stands behind it; of one that succeeded nothing does."""
    notes = [{"name": "egress_status_code", "details": "connection refused"}]
    assert call_line(record(502, error=notes), PLAIN).endswith("502 12 ms connection refused")
    assert "refused" not in call_line(record(200, error=notes), PLAIN)


@pytest.mark.parametrize(
    "payload",
    [
        {"error": {"message": "cap exceeded", "type": "tokens"}},
        {"type": "error", "error": {"message": "cap exceeded"}},
        {"Error": "cap exceeded", "Path": "/a/"},
    ],
)
def test_reason_of_a_refusal(payload):
    """Of a status alone nobody knows who refused: the body says it."""
    notes = [{"name": "egress_status_code", "details": "status 429"}]
    assert call_line(record(429, error=notes, egress_payload=payload), PLAIN).endswith("429 12 ms cap exceeded")


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"7", b'{"request":{},"response":null}', b"{"])
def test_what_is_no_record(data):
    """Anything can be published on the subject."""
    assert call_line(data, PLAIN) is None


@given(st.text(), st.text())
def test_no_caller_steers_the_terminal(path, reason):
    """A path and a reason come from outside."""
    notes = [{"name": "x", "details": reason}]
    line = call_line(record(500, {"ingress_subpath": path}, error=notes), PLAIN)
    assert all(letter.isprintable() for letter in line)
