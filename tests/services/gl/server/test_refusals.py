"""Refusals of what exceeds a limit: which, and where it is set."""

import pytest

from services.gl.server import refusals


@pytest.mark.parametrize(
    ("refusal", "status", "text", "told"),
    [
        (refusals.too_many_connections(7), 503, "too many connections", "takes 7 at a time (limits.connections"),
        (refusals.no_room("head"), 503, "no room for the request head", "limits.inflight_body_bytes"),
        (refusals.no_room("body"), 503, "no room for the request body", "limits.inflight_body_bytes"),
        (refusals.head_too_large(9), 431, "request head too large", "9 bytes (limits.request_head_bytes)"),
        (
            refusals.framing_too_large(9),
            431,
            "chunk extensions or trailers too large",
            "9 bytes (limits.request_head_bytes)",
        ),
        (
            refusals.body_too_large(9),
            413,
            "request body larger than 9 bytes",
            "request body larger than 9 bytes (limits.request_body_bytes)",
        ),
        (
            refusals.timed_out("head", 0.6),
            408,
            "request head took too long",
            "not complete within 600 ms (limits.request_head_timeout_ms)",
        ),
        (
            refusals.timed_out("body", 60),
            408,
            "request body took too long",
            "no data within 60000 ms (limits.request_body_timeout_ms)",
        ),
        (refusals.timed_out("body", None), 408, "request body took too long", "limits.inflight_body_bytes"),
    ],
)
def test_texts(refusal, status, text, told):
    """The plain text stays; the detail has the same status and names the limit."""
    assert (refusal.status, refusal.text, refusal.detail.status) == (status, text, status)
    assert told in refusal.detail.message
    assert refusal.detail.message.startswith(text.split(" too large")[0])
    assert ("Retry-After" in refusal.headers) is (status == 503)
