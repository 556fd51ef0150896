"""What an echo sends back: nothing that acts on a browser."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog.headers import canonical
from services.gl.responses.echo import headers_of

TEXT, BYTES, JSON = "text/plain; charset=utf-8", "application/octet-stream", "application/json"
SNIFFING = "X-Content-Type-Options"
# What browsers, or web servers in front of the gateway, obey in a response.
ACTIVE = [
    "Accept-CH",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Alt-Svc",
    "Cache-Control",
    "Clear-Site-Data",
    "Content-Disposition",
    "Content-Location",
    "Content-Security-Policy",
    "Content-Security-Policy-Report-Only",
    "Cross-Origin-Embedder-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "ETag",
    "Expires",
    "Last-Modified",
    "Link",
    "Location",
    "NEL",
    "Permissions-Policy",
    "Public-Key-Pins",
    "Referrer-Policy",
    "Refresh",
    "Report-To",
    "Reporting-Endpoints",
    "Retry-After",
    "Sec-Session-Registration",
    "Sec-WebSocket-Accept",
    "Server",
    "Service-Worker-Allowed",
    "Set-Cookie",
    "SourceMap",
    "Speculation-Rules",
    "Strict-Transport-Security",
    "Timing-Allow-Origin",
    "Vary",
    "WWW-Authenticate",
    "X-Accel-Redirect",
    "X-Content-Security-Policy",
    "X-DNS-Prefetch-Control",
    "X-Frame-Options",
    "X-Permitted-Cross-Domain-Policies",
    "X-Robots-Tag",
    "X-Sendfile",
    "X-UA-Compatible",
    "X-XSS-Protection",
]
SHOWN = ["Accept", "Api-Key", "Anthropic-Version", "Authorization", "Cookie", "OpenAI-Organization", "Origin"]
SHOWN += ["Traceparent", "User-Agent", "X-Api-Key", "X-Forwarded-For", "X-Goog-Api-Key", "X-Mine", "X-Stainless-Lang"]


@pytest.mark.parametrize("name", ACTIVE)
def test_what_acts_on_a_browser(name):
    """It stays out, in any letter case that a client may use."""
    assert canonical(name) not in headers_of({canonical(name): ["1"], "Content-Type": [JSON]}, {})


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_of_requests(name):
    """It comes back."""
    sent = {canonical(name): ["1", "2"], "Content-Type": [JSON]}
    assert headers_of(sent, {}) == sent


def test_what_the_config_sets():
    """Nobody else wrote it, so it is shown; but a type it cannot choose either."""
    sent = {"My-Key": ["1"], "Other": ["2"], "Content-Type": ["text/html"]}
    assert headers_of(sent, {"My-Key": ["1"], "Content-Type": ["text/html"]}) == {
        "My-Key": ["1"],
        "Content-Type": [TEXT],
        SNIFFING: ["nosniff"],
    }


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        (["application/json"], "application/json"),
        (["application/json; charset=utf-8"], "application/json; charset=utf-8"),
        (["application/json;odata=verbose"], JSON),
        (["application/vnd.api+json"], JSON),
        (["text/plain"], "text/plain"),
        (["text/plain; charset=iso-8859-1"], "text/plain; charset=iso-8859-1"),
        (["text/html"], TEXT),
        (["TEXT/HTML; charset=utf-8"], TEXT),
        (["text/xml"], TEXT),
        (["text/event-stream"], TEXT),
        (["text/javascript"], TEXT),
        (["application/x-www-form-urlencoded"], TEXT),
        ([], TEXT),
        (["application/xhtml+xml"], BYTES),
        (["image/svg+xml"], BYTES),
        (["application/xml"], BYTES),
        (["application/pdf"], BYTES),
        (["application/javascript"], BYTES),
        (["multipart/form-data; boundary=x"], BYTES),
        (["multipart/x-mixed-replace; boundary=x"], BYTES),
        (["message/rfc822"], BYTES),
        (["application/octet-stream"], BYTES),
        (["application/json, text/html"], BYTES),
        (["text/plain, text/html"], BYTES),
        (["text/plain; charset=utf-8, text/html"], TEXT),
        (["application/json", "text/html"], JSON),
        (["text/plain", "text/html"], TEXT),
        (["nonsense"], BYTES),
        ([""], BYTES),
    ],
)
def test_types(came, goes):
    """JSON stays JSON, the rest is text or bytes; browsers are told not to guess."""
    response = headers_of({"Content-Type": came} if came else {}, {})
    assert response.pop("Content-Type") == [goes]
    assert response == ({} if goes.startswith(JSON) else {SNIFFING: ["nosniff"]})


@given(st.lists(st.text(), max_size=3))
def test_no_type_is_active(values):
    """Whatever comes, one value goes, of one of three types."""
    (kind,) = headers_of({"Content-Type": values}, {})["Content-Type"]
    assert kind.partition(";")[0].strip().lower() in {JSON, "text/plain", BYTES}
    assert "," not in kind


def test_on_the_wire(gateway, bus):
    """A script comes back as text; the record shows what would have gone to a target."""
    body = b"<script>alert(1)</script>"
    headers = {"Content-Type": "text/html", "Location": "http://elsewhere", "X-Content-Type-Options": "sniff"}
    reply = gateway.call("POST", "/echo/x", headers | {"X-Mine": "1", "Refresh": "0"}, body)
    assert (reply.status, reply.body) == (200, body)
    assert reply.value("Content-Type") == TEXT
    assert reply.value("X-Content-Type-Options") == "nosniff"
    assert [reply.value(name) for name in ("Location", "Refresh", "X-Mine")] == [None, None, "1"]
    record = bus.record(reply.transaction)
    outbound, egress = record["request"]["outbound_headers"], record["response"]["egress_headers"]
    assert outbound["Content-Type"] == ["text/html"]
    assert (outbound["Location"], outbound["Refresh"]) == (["http://elsewhere"], ["0"])
    assert egress["Content-Type"] == [TEXT]
    assert "Location" not in egress
    assert record["response"]["egress_payload"] == body.decode()


def test_json_on_the_wire(gateway):
    """As before."""
    reply = gateway.call("POST", "/echo/x", {"Content-Type": "application/json"}, b'{"a":1}')
    assert reply.value("Content-Type") == "application/json"
    assert json.loads(reply.body) == {"a": 1}
