"""Ingress: what came goes into the record, what the router forbids is refused."""

import gzip

import pytest

from gecholog.headers import MASK
from services.gl.errors import Refusal
from services.gl.http import Disconnected
from services.gl.record import payload
from services.gl.stages import ingress
from tests.services.gl.rig.gateway import processor, router
from tests.services.gl.rig.stage import FakeBus, FakeRequest, arrived, built, call_of, deps

TRUSTED = ["10.0.0.0/8", "192.0.2.1", "fd00::/8"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.1", ["1.1.1.1"], "198.51.100.1"),  # who is not trusted may write what it likes
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["6.6.6.6, 1.1.1.1"], "1.1.1.1"),  # the first was written by the client
        ("10.0.0.1", ["1.1.1.1, 10.2.2.2"], "1.1.1.1"),  # a chain of two trusted proxies
        ("10.0.0.1", ["1.1.1.1", "10.2.2.2"], "1.1.1.1"),  # two header lines are one list
        ("10.0.0.1", ["6.6.6.6, 1.1.1.1,10.2.2.2 , 192.0.2.1"], "1.1.1.1"),
        ("10.0.0.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),  # all trusted: the farthest
        ("10.0.0.1", ["1.1.1.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1, , 10.2.2.2"], "10.2.2.2"),
        ("10.0.0.1", ["garbage"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("fd00::1", ["1.1.1.1"], "1.1.1.1"),
        ("fe80::1", ["1.1.1.1"], "fe80::1"),
        ("", ["1.1.1.1"], ""),
    ],
)
def test_client_address(peer, forwarded, expected):
    """X-Forwarded-For counts only as far as trusted proxies have written it."""
    config = built(trusted_proxies=TRUSTED)
    assert ingress.client_address(peer, {"X-Forwarded-For": forwarded} if forwarded else {}, config) == expected


def test_caller_without_trusted_proxies():
    """Nobody is trusted unless the config says so."""
    assert ingress.client_address("10.0.0.1", {"X-Forwarded-For": ["1.1.1.1"]}, built()) == "10.0.0.1"


async def test_record_begins():
    """The request section has what came, and the same for processors to change."""
    request = FakeRequest(
        "PUT", "/service/a%20b", "x=1&x=2&y=", [(b"host", b"g"), (b"X-A", b"1"), (b"x-a", b"2")], b'{"a":1}'
    )
    call = call_of(request=request)
    await arrived(call, deps())
    fields = call.request_section.fields
    assert fields == {
        "gl_path": "/service/",
        "ingress_method": "PUT",
        "ingress_client": "192.0.2.7",
        "ingress_subpath": "a b",
        "ingress_headers": {"X-A": ["1", "2"]},
        "ingress_query_parameters": [{"name": "x", "details": ["1", "2"]}, {"name": "y", "details": [""]}],
        "ingress_payload": b'{"a":1}',
        "outbound_subpath": "a b",
        "outbound_headers": {"X-A": ["1", "2"]},
        "outbound_query_parameters": [{"name": "x", "details": ["1", "2"]}, {"name": "y", "details": [""]}],
        "outbound_payload": b'{"a":1}',
    }
    assert call.request_section.errors == []


async def test_masked_headers():
    """Processors and records see a mask, whatever the letter case of the name; the call keeps the value."""
    call = call_of(request=FakeRequest(lines=[(b"API-KEY", b"secret"), (b"api-key", b"second")]))
    await arrived(call, deps())
    assert (
        call.request_section.fields["ingress_headers"]
        == call.request_section.fields["outbound_headers"]
        == {"Api-Key": [MASK]}
    )
    assert call.headers == {"Api-Key": ["secret", "second"]}


async def test_payload_that_is_no_json():
    """Text and binary are recorded as such, with a note."""
    for body, note in ((b"plain", "is not JSON"), (b"\xff\xfe", "is not text")):
        call = call_of(request=FakeRequest(body=body))
        await arrived(call, deps())
        assert call.body == body
        assert [error["name"] for error in call.request_section.errors] == ["ingress_payload"]
        assert note in call.request_section.errors[0]["details"]


async def test_encoded_payload():
    """A body with a content encoding is recorded decoded; the bytes stay."""
    body = gzip.compress(b'{"a":1}')
    call = call_of(request=FakeRequest(lines=[(b"Content-Encoding", b"gzip")], body=body))
    await arrived(call, deps())
    assert call.request_section.fields["ingress_payload"] == b'{"a":1}'
    assert call.body == body


@pytest.mark.parametrize("log_unauthorized", [False, True])
async def test_refused(log_unauthorized):
    """A call without the router's headers is refused, and recorded only if the config says so."""
    config = built([router("/service/", "http://t", required={"x-key": ["one"]})], log_unauthorized=log_unauthorized)
    call = call_of(config, FakeRequest(lines=[(b"X-Key", b"two")]))
    with pytest.raises(Refusal) as caught:
        await arrived(call, deps())
    assert (caught.value.status, caught.value.text) == (401, "unauthorized header:'X-Key' values invalid")
    assert call.is_recorded is log_unauthorized
    if log_unauthorized:
        assert call.request_section.fields["ingress_headers"] == {"X-Key": ["two"]}


async def test_body_over_the_limit_is_recorded_by_its_head():
    """Who sent too much is in the record: path, client and headers are known without the body."""
    call = call_of(built(limits={"request_body_bytes": 3}), FakeRequest(lines=[(b"X-A", b"1")], body=b"four"))
    with pytest.raises(Refusal) as caught:
        await arrived(call, deps())
    assert caught.value.status == 413
    fields = call.request_section.fields
    assert fields["gl_path"] == "/service/"
    assert fields["ingress_subpath"] == "x"
    assert fields["ingress_headers"] == {"X-A": ["1"]}
    assert fields["ingress_client"] == "192.0.2.7"


async def test_caller_who_leaves_is_recorded_by_its_head():
    """The same for a body that never came."""
    call = call_of(request=FakeRequest(gone=True))
    with pytest.raises(Disconnected):
        await arrived(call, deps())
    assert call.request_section.fields["gl_path"] == "/service/"
    assert call.request_section.fields["ingress_subpath"] == "x"


async def test_large_body_that_nobody_wants_is_not_read():
    """Neither recorded whole nor given to a processor: not even JSON is looked for; the note says the limit."""
    body = b'{"a":"' + b"x" * 5000
    call = call_of(built(log_max_payload_bytes=2000), FakeRequest(body=body))
    await arrived(call, deps())
    fields = call.request_section.fields
    assert isinstance(fields["ingress_payload"], payload.Truncated)
    assert fields["ingress_payload"] is fields["outbound_payload"]
    assert (fields["ingress_payload"]["size"], call.body) == (len(body), body)
    details = "larger than 2000 bytes, recorded by size, hash and head"
    assert call.request_section.errors == [{"name": "ingress_payload", "details": details}]


@pytest.mark.parametrize("include", [[], ["gl_path", "ingress_payload"], ["outbound_payload"]])
async def test_large_body_that_a_processor_wants_is_read(include):
    """Up to what the bus takes; the record's own limit is another."""
    one = processor("one", input_fields_include=include)
    config = built(log_max_payload_bytes=2000, request={"processors": [[one]]})
    body = b'{"a":"' + b"x" * 400_000 + b'"}'
    call = call_of(config, FakeRequest(body=body))
    await arrived(call, deps(FakeBus(500_000)))
    assert call.request_section.fields["ingress_payload"] == body
    assert call.request_section.errors == []
    call = call_of(config, FakeRequest(body=body))
    await arrived(call, deps(FakeBus(300_000)))
    assert call.request_section.fields["ingress_payload"].limit == 300_000


async def test_body_that_unpacks_to_much():
    """A few kilobytes may be more than the event loop wants to unpack: what comes of it is the same."""
    body = b'{"a":"' + b"x" * 600_000 + b'"}'
    for limit, cut in ((700_000, False), (500_000, True)):
        lines = [(b"Content-Encoding", b"gzip")]
        call = call_of(built(log_max_payload_bytes=limit), FakeRequest(lines=lines, body=gzip.compress(body)))
        await arrived(call, deps())
        value = call.request_section.fields["ingress_payload"]
        assert isinstance(value, payload.Truncated) is cut
        assert cut or value == body


async def test_no_body_with_an_encoding():
    """An encoding of nothing is nothing that could not be decoded."""
    call = call_of(request=FakeRequest("GET", lines=[(b"Content-Encoding", b"gzip")]))
    await arrived(call, deps())
    assert (call.request_section.fields["ingress_payload"], call.request_section.errors) == ("", [])


@pytest.mark.parametrize("content_type", [b"application/json", b"text/plain", b";;;", b"", None])
async def test_json_that_is_a_little_off(content_type):
    """It is recorded as JSON whatever its content type says; the bytes stay."""
    lines = [] if content_type is None else [(b"Content-Type", content_type)]
    body = b'\xef\xbb\xbf{"temperature":NaN,"text":"\xff"}'
    call = call_of(request=FakeRequest(lines=lines, body=body))
    await arrived(call, deps())
    assert call.request_section.fields["ingress_payload"] == '{"temperature":null,"text":"\ufffd"}'.encode()
    assert call.request_section.errors[0]["details"].startswith("is not strict JSON: byte order mark left out, ")
    assert call.body == body
