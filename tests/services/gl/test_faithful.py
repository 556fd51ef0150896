"""Bytes go through unchanged, both ways, and the record shows what they mean."""

import gzip
import hashlib
import json
import zlib
from concurrent.futures import ThreadPoolExecutor

import brotli
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# the fixtures are one long-lived process and its target: nothing has to be new for each example
LIVE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=("Cc",)), max_size=30).map(
    lambda text: text.strip(" ")
)
queries = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), min_size=1, max_size=40
)


@LIVE
@given(
    there=st.binary(max_size=3000),
    back=st.binary(max_size=3000),
    kind=st.sampled_from(["application/json", "text/plain", "image/png"]),
)
def test_bodies(gateway, upstream, there, back, kind):
    """Whatever the bodies are, they arrive as they were sent."""
    upstream.reset()
    upstream.behaviour = lambda talk: talk.reply(back, kind=kind)
    reply = gateway.call("POST", "/service/x", {"Content-Type": kind}, there)
    assert upstream.asked().body == there
    assert reply.body == back
    assert reply.value("Content-Type") == kind


@LIVE
@given(sizes=st.lists(st.integers(1, 5000), max_size=6), data=st.data())
def test_chunked_bodies(gateway, upstream, sizes, data):
    """Chunked both ways, however they are cut."""
    upstream.reset()
    pieces = [
        data.draw(st.binary(min_size=size, max_size=size)) if size < 50 else bytes([size % 251]) * size
        for size in sizes
    ]
    body = b"".join(pieces)

    def behaviour(talk):
        talk.head("Transfer-Encoding: chunked")
        for piece in (*pieces, b""):
            talk.chunk(piece)

    upstream.behaviour = behaviour
    framed = b"".join(b"%X\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))
    reply = gateway.call("POST", "/service/x", {"Transfer-Encoding": "chunked"}, framed)
    assert upstream.asked().body == body
    assert reply.body == body


@LIVE
@given(query=queries)
def test_queries(gateway, upstream, query):
    """A query is forwarded byte for byte."""
    upstream.reset()
    reply = gateway.call("GET", f"/service/x?{query}")
    assert reply.status == 200
    assert upstream.asked().target == f"/x?{query}"


@LIVE
@given(many=st.lists(values, min_size=1, max_size=4))
def test_headers_with_many_values(gateway, upstream, bus, many):
    """All values of a header, in their order, both ways and in the record."""
    upstream.reset()
    raw = [value.encode("latin-1") for value in many]
    upstream.behaviour = lambda talk: talk.reply(b"{}", 200, *(f"X-Many: {value}" for value in many))
    with gateway.client() as client:
        lines = b"".join(b"X-Many: %b\r\n" % value for value in raw)
        reply = client.send(b"GET /service/x HTTP/1.1\r\nHost: g\r\n" + lines + b"\r\n").reply()
    assert upstream.asked().values("X-Many") == raw
    assert reply.values("X-Many") == many
    assert len(bus.record(reply.transaction)["request"]["ingress_headers"]["X-Many"]) == len(many)


ENCODERS = {
    "gzip": gzip.compress,
    "br": brotli.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "gzip, br": lambda data: brotli.compress(gzip.compress(data)),
}


@pytest.mark.parametrize("encoding", ENCODERS)
def test_encoded_bodies(gateway, upstream, bus, encoding):
    """Encoded bodies go through untouched, both ways, and the record shows them decoded."""
    there, back = b'{"question":"w\xc3\xa4hr"}', b'{"answer":42}'
    encode = ENCODERS[encoding]
    upstream.behaviour = lambda talk: talk.reply(encode(back), 200, f"Content-Encoding: {encoding}")
    reply = gateway.call(
        "POST", "/service/x", {"Content-Encoding": encoding, "Accept-Encoding": encoding}, encode(there)
    )
    seen = upstream.asked()
    assert seen.body == encode(there)
    assert seen.values("Content-Encoding") == seen.values("Accept-Encoding") == [encoding.encode()]
    assert reply.body == encode(back)
    assert reply.value("Content-Encoding") == encoding
    record = bus.record(reply.transaction)
    assert record["request"]["ingress_payload"] == record["request"]["outbound_payload"] == {"question": "währ"}
    assert record["response"]["inbound_payload"] == record["response"]["egress_payload"] == {"answer": 42}


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "what"])
def test_wrong_encoding(gateway, upstream, bus, encoding):
    """A body that is not what its header says goes through as well, and is recorded by size and hash."""
    body = b"this is not compressed"
    upstream.behaviour = lambda talk: talk.reply(body, 200, f"Content-Encoding: {encoding}", kind="text/plain")
    reply = gateway.call("GET", "/service/x")
    assert reply.body == body
    shown = bus.record(reply.transaction)["response"]["inbound_payload"]
    assert shown == {"content_type": "text/plain", "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}


def test_multipart(gateway, upstream, bus):
    """A multipart upload with binary parts goes through untouched and is recorded by size and hash."""
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\x89PNG\r\n\x1a\n\xff\r\n--b--\r\n'
    kind = "multipart/form-data; boundary=b"
    reply = gateway.call("POST", "/service/x", {"Content-Type": kind}, body)
    assert upstream.asked().body == body
    assert bus.record(reply.transaction)["request"]["ingress_payload"] == {
        "content_type": kind,
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }


def test_json_is_recorded_digit_by_digit(gateway, upstream, bus):
    """Numbers, escapes and order of names are in the record as they came."""
    body = b'{"z":1.10,"a":12345678901234567890123,"s":"\\u00e9\\/","e":1E400,"z":2}'
    reply = gateway.call("POST", "/service/x", {}, body)
    assert upstream.asked().body == body
    bus.record(reply.transaction)
    assert any(body in raw for raw in list(bus.raw_records))


def test_large_body_is_recorded_by_its_head(gateway, upstream, bus):
    """A payload over `log_max_payload_bytes` goes through whole, and its record has size, hash and head."""
    body = json.dumps({"text": "x" * 1_500_000}).encode()
    upstream.behaviour = lambda talk: talk.reply(talk.request.body)
    reply = gateway.call("POST", "/service/x", {}, body)
    assert reply.body == body
    record = bus.record(reply.transaction)
    for shown in (record["request"]["ingress_payload"], record["response"]["egress_payload"]):
        assert (shown["size"], shown["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
        assert body.decode().startswith(shown["head"])


def test_nothing_is_added_upstream(gateway, upstream):
    """What goes upstream has the client's headers, a Host, a length for a body, and nothing of ours."""
    with gateway.client() as client:
        client.send(b"GET /service/x HTTP/1.1\r\nHost: g\r\n\r\n").reply()
        client.send(b"POST /service/x HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{}").reply()
    assert [name for name, _ in upstream.seen[0].lines] == [b"Host"]
    assert sorted(name for name, _ in upstream.seen[1].lines) == [b"Content-Length", b"Host"]


def test_nothing_is_added_to_an_answer(gateway, upstream):
    """A response without Content-Type stays without; ours are the session header and the framing."""
    upstream.behaviour = lambda talk: talk.reply(b"x", kind="")
    reply = gateway.call("GET", "/service/x")
    assert {name.lower() for name, _ in reply.lines} == {b"date", b"content-length", b"session-id"}


def test_redirects_are_passed_on(gateway, upstream):
    """A redirect goes to the client and is not followed."""
    upstream.behaviour = lambda talk: talk.reply(b"", 307, "Location: /elsewhere")
    reply = gateway.call("POST", "/service/x", {}, b"{}")
    assert (reply.status, reply.value("Location")) == (307, "/elsewhere")
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("status", [201, 202, 206, 226, 299, 400, 401, 404, 418, 429, 451, 500, 503, 529, 599])
def test_any_status_passes(gateway, upstream, bus, status):
    """Status and body of the target are the client's; an upstream's own 401 is recorded."""
    upstream.behaviour = lambda talk: talk.reply(b'{"detail":1}', status)
    reply = gateway.call("GET", "/service/x")
    assert (reply.status, reply.json()) == (status, {"detail": 1})
    assert bus.record(reply.transaction)["response"]["inbound_status_code"] == status


def test_calls_do_not_mix(gateway, upstream):
    """Of many calls at once, some of whose clients leave in the middle, each gets its own response."""

    def behaviour(talk):
        talk.head("Transfer-Encoding: chunked")
        for start in range(0, len(talk.request.body), 700):
            talk.chunk(talk.request.body[start : start + 700])
        talk.chunk(b"")

    def calls(worker):
        for number in range(20):
            body = f"{worker}-{number};".encode() * (100 + 37 * worker)
            with gateway.client() as client:
                client.ask("POST", f"/service/{worker}/{number}", {}, body)
                if (worker + number) % 4 == 0:
                    client.head()
                    client.leave()
                else:
                    assert client.reply().body == body

    upstream.behaviour = behaviour
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(calls, range(12)))
