"""HTTP hygiene (RFC 9112) over raw sockets: what is ambiguous is refused, and never passed on."""

import threading

import pytest

from tests.services.gl.rig.gateway import router
from tests.support.waiting import DEADLINE

CANARY = "QuoteMeNot"


def exchange(gateway, raw):
    """Send bytes, and read one reply."""
    with gateway.client() as client:
        return client.send(raw).reply()


def check_refused(reply, *statuses):
    """The reply is one of ours: JSON with an `error` that does not quote the client."""
    assert reply.status in (statuses or (400,))
    assert reply.complete
    assert reply.value("Content-Type") == "application/json"
    assert list(reply.json()) == ["error"]
    assert CANARY.encode() not in reply.body
    assert all(CANARY.encode() not in value for _, value in reply.lines)


GET = b"GET /service/x HTTP/1.1\r\nHost: g\r\n"
POST = b"POST /service/x HTTP/1.1\r\nHost: g\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

MALFORMED = {
    "length-and-chunked": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked-and-length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "length-twice-different": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length-twice-same": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "length-list": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "length-plus": POST + b"Content-Length: +3\r\n\r\nabc",
    "length-hex": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "length-negative": POST + b"Content-Length: -3\r\n\r\nabc",
    "length-empty": POST + b"Content-Length:\r\n\r\nabc",
    "length-blank-inside": POST + b"Content-Length: 1 2\r\n\r\nabc",
    "length-over-64-bits": POST + b"Content-Length: 18446744073709551617\r\n\r\na",
    "length-5000-digits": POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\na",
    "length-letters": POST + b"Content-Length: QuoteMeNot\r\n\r\nabc",
    "bare-lf-line": b"GET /service/x HTTP/1.1\nHost: g\r\n\r\n",
    "bare-lf-header": GET + b"X-A: QuoteMeNot\n\r\n",
    "bare-lf-end": GET + b"\n",
    "bare-cr-in-value": GET + b"X-A: a\rQuoteMeNot\r\n\r\n",
    "obs-fold": GET + b"X-A: a\r\n QuoteMeNot\r\n\r\n",
    "obs-fold-tab": GET + b"X-A: a\r\n\tb\r\n\r\n",
    "blank-before-colon": GET + b"X-A : QuoteMeNot\r\n\r\n",
    "transfer-encoding-blank-before-colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "header-without-colon": GET + b"QuoteMeNot\r\n\r\n",
    "header-without-name": GET + b": QuoteMeNot\r\n\r\n",
    "name-with-blank": GET + b"X A: b\r\n\r\n",
    "name-with-nul": GET + b"X\0A: b\r\n\r\n",
    "name-not-ascii": GET + b"X-\xe9: b\r\n\r\n",
    "value-with-nul": GET + b"X-A: a\0QuoteMeNot\r\n\r\n",
    "value-with-control": GET + b"X-A: a\x01b\r\n\r\n",
    "value-with-del": GET + b"X-A: a\x7fb\r\n\r\n",
    "target-with-nul": b"GET /service/a\0b HTTP/1.1\r\nHost: g\r\n\r\n",
    "target-with-control": b"GET /service/a\x01b HTTP/1.1\r\nHost: g\r\n\r\n",
    "target-with-tab": b"GET /service/a\tb HTTP/1.1\r\nHost: g\r\n\r\n",
    "target-with-blank": b"GET /service/a b HTTP/1.1\r\nHost: g\r\n\r\n",
    "target-not-ascii": b"GET /service/\xc3\xa9 HTTP/1.1\r\nHost: g\r\n\r\n",
    "target-with-fragment": b"GET /service/x#QuoteMeNot HTTP/1.1\r\nHost: g\r\n\r\n",
    "query-with-fragment": b"GET /service/x?a=1#b HTTP/1.1\r\nHost: g\r\n\r\n",
    "target-relative": b"GET service/x HTTP/1.1\r\nHost: g\r\n\r\n",
    "target-star": b"GET * HTTP/1.1\r\nHost: g\r\n\r\n",
    "target-missing": b"GET HTTP/1.1\r\nHost: g\r\n\r\n",
    "absolute-other-scheme": b"GET ftp://gateway/service/x HTTP/1.1\r\nHost: g\r\n\r\n",
    "dots": b"GET /service/../locked/x HTTP/1.1\r\nHost: g\r\n\r\n",
    "dots-at-end": b"GET /service/x/.. HTTP/1.1\r\nHost: g\r\n\r\n",
    "one-dot": b"GET /service/./x HTTP/1.1\r\nHost: g\r\n\r\n",
    "dots-encoded": b"GET /service/%2e%2e/locked/x HTTP/1.1\r\nHost: g\r\n\r\n",
    "dots-half-encoded": b"GET /service/.%2E/x HTTP/1.1\r\nHost: g\r\n\r\n",
    "dots-before-encoded-slash": b"GET /service/..%2flocked/x HTTP/1.1\r\nHost: g\r\n\r\n",
    "dots-before-backslash": b"GET /service/..%5clocked/x HTTP/1.1\r\nHost: g\r\n\r\n",
    "absolute-with-dots": b"GET http://gateway/service/../x HTTP/1.1\r\nHost: g\r\n\r\n",
    "host-missing": b"GET /service/x HTTP/1.1\r\n\r\n",
    "host-twice": GET + b"Host: QuoteMeNot\r\n\r\n",
    "chunk-size-not-hex": CHUNKED + b"xyz\r\nabc\r\n0\r\n\r\n",
    "chunk-size-prefixed": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "chunk-size-negative": CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n",
    "chunk-size-plus": CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n",
    "chunk-size-too-small": CHUNKED + b"2\r\nabc\r\n0\r\n\r\n",
    "chunk-size-over-64-bits": CHUNKED + b"10000000000000003\r\nabc\r\n",
    "chunk-bare-lf": CHUNKED + b"3\nabc\r\n0\r\n\r\n",
    "chunk-data-bare-lf": CHUNKED + b"3\r\nabc\n0\r\n\r\n",
    "chunk-extension-lf": CHUNKED + b"3;a=\nb\r\nabc\r\n0\r\n\r\n",
    "http-09": b"GET /service/x\r\n\r\n",
    "http-2-preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "rubbish": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "empty-method": b" /service/x HTTP/1.1\r\nHost: g\r\n\r\n",
}


NO_HTTP_11 = ("empty-method", "rubbish", "http-2-preface", "http-09")


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_request_is_refused(gateway, upstream, name):
    """What is malformed or ambiguous gets a 4xx of our own and a closed connection, and nothing of it goes upstream."""
    with gateway.client() as client:
        reply = client.send(MALFORMED[name]).reply()
        check_refused(reply, *((400, 501, 505) if name in NO_HTTP_11 else (400,)))
        if not name.startswith(("dots", "one-dot", "absolute-with", "length-5000")):
            assert client.ended()
    assert upstream.seen == []


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /service/x HTTP/2.0\r\nHost: g\r\n\r\n", 505),
        (b"GET /service/x HTTP/1.2\r\nHost: g\r\n\r\n", 505),
        (b"GET /service/x HTTP/3.7\r\nHost: g\r\n\r\n", 505),
        (b"GET /service/x HTTQ/1.1\r\nHost: g\r\n\r\n", 400),
        (b"QUOTEMENOT /service/x HTTP/1.1\r\nHost: g\r\n\r\n", 501),
        (b"get /service/x HTTP/1.1\r\nHost: g\r\n\r\n", 501),
        (b"CONNECT target:443 HTTP/1.1\r\nHost: g\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: identity\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", 400),
        (b"POST /service/x HTTP/1.0\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        (GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 501),
        (GET + b"Connection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\n\r\n", 501),
        (GET + b"Connection: upgrade\r\nConnection: keep-alive\r\nUpgrade: websocket\r\n\r\n", 501),
        (POST + b"Expect: QuoteMeNot\r\nContent-Length: 1\r\n\r\na", 417),
    ],
)
def test_what_is_not_supported_is_said_so(gateway, upstream, raw, status):
    """Versions, methods, codings, upgrades and expectations that gl does not know are refused by their own status."""
    reply = exchange(gateway, raw)
    # what the parser itself does not understand may be called malformed as well
    check_refused(reply, *((status, 400) if status in (501, 505) else (status,)))
    assert upstream.seen == []


RTSP_METHODS = ("GET", "POST", "OPTIONS", "DESCRIBE", "PLAY", "SETUP", "FLUSH", "RECORD")
OTHER_PROTOCOLS = [
    *[f"{method} /service/x RTSP/{version}" for method in RTSP_METHODS for version in ("1.0", "1.1")],
    "OPTIONS * RTSP/1.0",
    "GET http://g/service/x RTSP/1.0",
    "GET /service/x?a=RTSP/1.0 RTSP/1.0",
    "SOURCE /service/x ICE/1.0",
    "SOURCE /service/x HTTP/1.0",
    "PRI * HTTP/2.0",
]


@pytest.mark.parametrize("line", OTHER_PROTOCOLS)
@pytest.mark.parametrize("cut", ["whole", "bytes", "behind another"])
def test_other_protocols_are_refused(gateway, upstream, line, cut):
    """Request lines of RTSP and Icecast, which llhttp reads as well, are refused however they come."""
    raw = f"{line}\r\nHost: g\r\n\r\n".encode()
    with gateway.client() as client:
        if cut == "behind another":
            raw = b"POST /echo/x HTTP/1.1\r\nHost: g\r\nContent-Length: 16\r\n\r\nGET /x RTSP/1.0\n" + raw
        for piece in [raw[index : index + 1] for index in range(len(raw))] if cut == "bytes" else [raw]:
            client.send(piece)
        if cut == "behind another":
            assert client.reply().status == 200
        check_refused(client.reply(), *((400, 505) if line.startswith("PRI") else (505,)))
        assert client.ended()
    assert upstream.seen == []


@pytest.mark.parametrize("cut", ["whole", "bytes"])
def test_rtsp_may_be_talked_about(gateway, upstream, cut):
    """RTSP's name elsewhere than behind the target of a request is a text like others."""
    body = b'{"q":"GET /service/x RTSP/1.0\r\n"}'
    raw = (
        b"POST /service/RTSP/1.0 HTTP/1.1\r\nHost: g\r\nX-A: GET /service/x RTSP/1.0\r\n"
        b"X-B: /service/RTSP/1.0 RTSP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body)
    ) + body
    with gateway.client() as client:
        for _ in range(2):
            for piece in [raw[index : index + 1] for index in range(len(raw))] if cut == "bytes" else [raw]:
                client.send(piece)
            assert client.reply().status == 200
    assert [seen.body for seen in upstream.seen] == [body, body]


def test_trace_is_refused(gateway, upstream):
    """An upstream would send back the request with the keys that the router put into it."""
    check_refused(gateway.call("TRACE", "/service/x"), 501)
    assert upstream.seen == []


def test_upgrade_refusal_names_the_reason(gateway):
    """Who asks for a WebSocket reads in the error that there is none."""
    raw = b"GET /service/x HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    reply = exchange(gateway, raw)
    assert reply.status == 501
    assert "WebSocket" in reply.json()["error"]


def test_h2c_offer_is_served_over_http_1(gateway, upstream):
    """An offer to switch to HTTP/2 is ignored, and not forwarded; the connection continues in HTTP/1.1."""
    offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    raw = f"POST /service/h2c HTTP/1.1\r\nHost: g\r\n{offer}Content-Length: 2\r\n\r\n{{}}".encode()
    with gateway.client() as client:
        assert client.send(raw).reply().status == 200
        assert client.ask("GET", "/service/after").reply().status == 200
    first = upstream.seen[0]
    assert first.body == b"{}"
    assert not [name for name, _ in first.lines if name.lower() in (b"upgrade", b"http2-settings", b"connection")]


def test_many_pipelined_h2c_offers_are_all_answered(gateway, upstream):
    """A flood of upgrade offers in one packet is answered like other requests, one after another."""
    offer = b"GET /echo/x HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    with gateway.client() as client:
        sender = threading.Thread(target=client.send, args=(offer * 1500,))
        sender.start()
        assert all(client.reply().status == 200 for _ in range(1500))
        sender.join()


@pytest.mark.parametrize(
    ("target", "arrives"),
    [
        ("http://other.example/service/a%20b?c=d", "/a%20b?c=d"),
        ("HTTP://other.example:8080/service/a", "/a"),
        ("https://user:pass@other.example/service/a", "/a"),
        ("/service//double//", "//double//"),
        ("/service/a%2Fb", "/a%2Fb"),
        ("/service/a;b=c", "/a;b=c"),
        ("/service/...", "/..."),
        ("/service/.well-known/x", "/.well-known/x"),
        ("/service/a..b/x", "/a..b/x"),
        ("/service/%zz%", "/%zz%"),
        ("/service/%ff%00", "/%ff%00"),
        ("/service/x?../..", "/x?../.."),
        ("/service/x?", "/x"),
        ("/service/x?a=1&&b=+%20;c", "/x?a=1&&b=+%20;c"),
        ("/service/x?a=?b=/", "/x?a=?b=/"),
    ],
)
def test_target_goes_on_as_it_came(gateway, upstream, target, arrives):
    """Path and query go upstream byte for byte; of an absolute address they are all that counts."""
    assert gateway.call("GET", target).status == 200
    assert upstream.asked().target == arrives


def test_absolute_target_does_not_change_the_host(gateway, upstream):
    """The Host that the upstream sees is its own, whatever the client names."""
    gateway.call("GET", "http://evil.example/service/x", {"Host": "evil.example"})
    assert upstream.asked().values("Host") == [f"127.0.0.1:{upstream.port}".encode()]


def test_bytes_of_header_values_reach_the_upstream(gateway, upstream):
    """Values with bytes beyond ASCII go upstream exactly, valid UTF-8 or not."""
    values = [b"caf\xc3\xa9", b"caf\xe9", b"\xff\xfe\x80", b"a\tb", b'"quoted" (x); y=z', b""]
    lines = b"".join(b"X-Bytes: " + value + b"\r\n" for value in values)
    assert exchange(gateway, b"GET /service/x HTTP/1.1\r\nHost: g\r\n" + lines + b"\r\n").status == 200
    assert upstream.asked().values("X-Bytes") == values


def test_bytes_of_header_values_come_back(gateway, upstream):
    """Values of a response's headers reach the client exactly."""
    upstream.behaviour = lambda talk: talk.send(
        b"HTTP/1.1 200 OK\r\nX-Bytes: caf\xe9\r\nX-Bytes: caf\xc3\xa9\r\nContent-Length: 0\r\n\r\n"
    )
    reply = gateway.call("GET", "/service/x")
    assert [value for name, value in reply.lines if name == b"X-Bytes"] == [b"caf\xe9", b"caf\xc3\xa9"]


@pytest.mark.parametrize(
    "body",
    [
        b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n",
        b"3;name=value\r\nabc\r\n3;x\r\ndef\r\n0;last\r\n\r\n",
        b'3;q="a;b"\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n',
        b"003\r\nabc\r\n00000003\r\ndef\r\n000\r\n\r\n",
        b"6\r\nabcdef\r\n0\r\nX-Trailer: QuoteMeNot\r\nHost: QuoteMeNot\r\n\r\n",
    ],
    ids=["plain", "extensions", "quoted-extension", "zeros", "trailers"],
)
def test_chunked_request_goes_on_with_a_length(gateway, upstream, bus, body):
    """A chunked body goes upstream whole and with its length; extensions and trailers are dropped."""
    raw = b"POST /service/x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    reply = exchange(gateway, raw)
    assert reply.status == 200
    seen = upstream.asked()
    assert seen.body == b"abcdef"
    assert seen.values("Content-Length") == [b"6"]
    assert seen.values("X-Trailer") == []
    assert CANARY not in str(bus.record(reply.transaction))


def test_chunked_request_byte_by_byte(gateway, upstream):
    """A request is the same however it is cut into packets."""
    raw = b"POST /service/x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    with gateway.client() as client:
        for index in range(len(raw)):
            client.send(raw[index : index + 1])
        assert client.reply().status == 200
    assert upstream.asked().body == b"{}"


def test_options_star(gateway, upstream):
    """OPTIONS * names no router: our own 404, and the connection continues."""
    with gateway.client() as client:
        check_refused(client.ask("OPTIONS", "*").reply(), 404)
        assert client.ask("GET", "/service/x").reply().status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_methods_pass(gateway, upstream, method):
    """Known methods go upstream, those that usually have a body with a length even if it is empty."""
    assert gateway.call(method, "/service/x").status == 200
    seen = upstream.asked()
    assert seen.method == method
    assert seen.values("Content-Length") == ([b"0"] if method in ("POST", "PUT", "PATCH", "PROPFIND") else [])


# ----------------------------------------------------------------- connections


def test_http_10_ends_the_connection(gateway, upstream):
    """A client with HTTP/1.0 gets a response that ends with the connection."""
    upstream.behaviour = stream_of(b"one", b"two")
    with gateway.client() as client:
        head = client.send(b"GET /service/x HTTP/1.0\r\n\r\n").head()
        assert head.values("Transfer-Encoding") == []
        assert head.value("Connection") == "close"
        assert client.rest() == b"onetwo"


def test_http_10_keep_alive(gateway, upstream):
    """A client with HTTP/1.0 that asks for it keeps its connection."""
    with gateway.client() as client:
        for _ in range(2):
            reply = client.send(b"GET /service/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").reply()
            assert reply.value("Connection") == "keep-alive"
            assert reply.body == b'{"ok":true}'


def test_http_10_is_http_11_upstream(gateway, upstream):
    """What goes upstream is HTTP/1.1, whatever the client speaks."""
    with gateway.client() as client:
        client.send(b"GET /service/x HTTP/1.0\r\n\r\n").reply()
    assert upstream.asked().head.startswith(b"GET /x HTTP/1.1\r\n")


def stream_of(*chunks):
    """A behaviour: a chunked answer."""

    def behaviour(talk):
        talk.head("Content-Type: text/plain", "Transfer-Encoding: chunked")
        for chunk in (*chunks, b""):
            talk.chunk(chunk)

    return behaviour


def test_connection_is_used_again(gateway, upstream):
    """Many requests go over one connection, on either side."""
    before = upstream.connections
    with gateway.client() as client:
        for number in range(20):
            assert client.ask("POST", f"/service/{number}", body=b"[]").reply().status == 200
    assert upstream.connections <= before + 1


def test_connection_close_is_kept(gateway, upstream):
    """`Connection: close` ends the connection after the reply."""
    with gateway.client() as client:
        reply = client.ask("GET", "/service/x", {"Connection": "close"}).reply()
        assert reply.value("Connection") == "close"
        assert client.ended()


def test_pipelined_requests_are_answered_in_order(gateway, upstream):
    """Requests that were sent ahead are answered one after another, more of them than are queued at once too."""
    upstream.behaviour = lambda talk: talk.reply(talk.request.target.encode())
    raw = b"".join(b"POST /service/%d HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{}" % n for n in range(40))
    with gateway.client() as client:
        client.send(raw)
        assert [client.reply().body for _ in range(40)] == [b"/%d" % number for number in range(40)]


@pytest.mark.parametrize("has_reset", [False, True])
def test_a_client_that_pipelines_and_leaves(gateway, upstream, has_reset):
    """Its call is cancelled although its further requests, which are not read yet, are before the end."""
    asked, cancelled = threading.Event(), threading.Event()

    def talk(conversation):
        asked.set()
        if conversation.left():
            cancelled.set()

    upstream.behaviour = talk
    with gateway.client() as client:
        client.send(b"".join(b"GET /service/%d HTTP/1.1\r\nHost: g\r\n\r\n" % number for number in range(40)))
        assert asked.wait(DEADLINE)
        if has_reset:
            client.leave()
    assert cancelled.wait(DEADLINE)


def test_malformed_request_behind_a_good_one(gateway, upstream):
    """The good request is answered first, then the malformed one is refused."""
    with gateway.client() as client:
        client.send(
            b"GET /service/x HTTP/1.1\r\nHost: g\r\n\r\n" + b"GET /service/x HTTP/1.1\r\nX Y: QuoteMeNot\r\n\r\n"
        )
        assert client.reply().status == 200
        check_refused(client.reply())
        assert client.ended()


def test_malformed_request_behind_several(gateway, upstream):
    """All good requests before a malformed one are answered, in order."""
    upstream.behaviour = lambda talk: talk.reply(talk.request.target.encode())
    good = b"".join(b"GET /service/%d HTTP/1.1\r\nHost: g\r\n\r\n" % number for number in range(3))
    with gateway.client() as client:
        client.send(good + b"GET /service/x HTTP/1.1\r\nContent-Length: -1\r\n\r\n")
        assert [client.reply().body for _ in range(3)] == [b"/0", b"/1", b"/2"]
        check_refused(client.reply())


def test_what_follows_a_refused_request_is_not_a_request(gateway, upstream):
    """After a refusal nothing more of the connection is taken for a request: no smuggling."""
    smuggled = b"GET /service/smuggled HTTP/1.1\r\nHost: g\r\n\r\n"
    with gateway.client() as client:
        client.send(
            b"POST /service/x HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            + smuggled
        )
        check_refused(client.reply())
        assert client.ended()
    assert upstream.seen == []


def test_bytes_behind_an_unread_body_are_not_a_request(gateway, upstream):
    """A reply that goes before the body was read ends the connection: the body is never taken for a request."""
    body = b"GET /service/smuggled HTTP/1.1\r\nHost: g\r\n\r\n"
    with gateway.client() as client:
        head = b"POST /locked/x HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n" % (len(body) + 1)
        reply = client.send(head).reply()
        assert (reply.status, reply.value("Connection")) == (401, "close")
        client.send(body)
        assert client.ended()
    assert upstream.seen == []


def test_blank_lines_before_a_request(gateway, upstream):
    """Empty lines before a request line are passed over (RFC 9112, section 2.2)."""
    assert exchange(gateway, b"\r\n\r\nGET /service/x HTTP/1.1\r\nHost: g\r\n\r\n").status == 200


# ------------------------------------------------------------------ expectation


def test_expect_continue(gateway, upstream):
    """`100 Continue` is sent when the body is wanted; the expectation does not go upstream."""
    with gateway.client() as client:
        client.ask("POST", "/service/x", {"Expect": "100-continue", "Content-Length": "2"})
        assert client.reply().status == 100
        assert client.send(b"{}").reply().status == 200
    assert upstream.asked().values("Expect") == []
    assert upstream.seen[0].body == b"{}"


def test_expect_continue_chunked(gateway, upstream):
    """The same with a body of unknown length."""
    with gateway.client() as client:
        client.ask("POST", "/service/x", {"Expect": "100-Continue", "Transfer-Encoding": "chunked"})
        assert client.reply().status == 100
        assert client.send(b"2\r\n{}\r\n0\r\n\r\n").reply().status == 200
    assert upstream.asked().body == b"{}"


def test_expect_continue_is_left_out_if_the_body_is_there(gateway, upstream):
    """Who does not wait for `100 Continue` need not get it, and gets one final reply."""
    with gateway.client() as client:
        replies = [client.ask("POST", "/service/x", {"Expect": "100-continue"}, b"{}").reply()]
        if replies[-1].status == 100:
            replies.append(client.reply())
        assert replies[-1].status == 200


@pytest.mark.parametrize(
    ("target", "status"), [("/locked/x", 401), ("/nowhere", 404), ("/service", 400), ("/service/../x", 400)]
)
def test_refusal_needs_no_body(gateway, upstream, target, status):
    """A request that is refused for its head gets the final status at once, without `100 Continue`."""
    with gateway.client() as client:
        reply = client.ask("POST", target, {"Expect": "100-continue", "Content-Length": "1000"}).reply()
        check_refused(reply, status)
        assert client.ended()


def test_http_10_does_not_expect(gateway, upstream):
    """`Expect` in HTTP/1.0 is ignored (RFC 9110, section 10.1.1)."""
    raw = b"POST /service/x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
    assert exchange(gateway, raw).status == 200


# ------------------------------------------------------------------- no bodies


def test_head(gateway, upstream):
    """A response to HEAD has its headers, Content-Length among them, and no body; the connection continues."""
    upstream.behaviour = lambda talk: talk.head("Content-Type: text/plain", "Content-Length: 12345")
    with gateway.client() as client:
        reply = client.ask("HEAD", "/service/x").reply(to_head=True)
        assert (reply.status, reply.value("Content-Length")) == (200, "12345")
        upstream.reset()
        assert client.ask("GET", "/service/x").reply().body == b'{"ok":true}'


def test_head_refused(gateway):
    """Our own refusal of HEAD has no body either."""
    with gateway.client() as client:
        reply = client.ask("HEAD", "/nowhere").reply(to_head=True)
        assert reply.status == 404
        assert client.ask("GET", "/nowhere").reply().json()


@pytest.mark.parametrize("status", [204, 304])
def test_status_without_body(gateway, upstream, bus, status):
    """204 and 304 have no body, and the connection continues."""
    upstream.behaviour = lambda talk: talk.head('ETag: "x"', status=status)
    with gateway.client() as client:
        reply = client.ask("GET", "/service/x").reply()
        assert (reply.status, reply.value("ETag")) == (status, '"x"')
        assert reply.values("Transfer-Encoding") == []
        upstream.reset()
        assert client.ask("GET", "/service/x").reply().status == 200
    assert bus.record(reply.transaction)["response"]["inbound_status_code"] == status


def test_304_keeps_its_length(gateway, upstream):
    """The Content-Length of a 304 tells the size of the thing itself, and is passed on (RFC 9110, section 8.6)."""
    upstream.behaviour = lambda talk: talk.head("Content-Length: 77", status=304)
    with gateway.client() as client:
        reply = client.ask("GET", "/service/x").reply()
        assert reply.values("Content-Length") in (["77"], [])
        upstream.reset()
        assert client.ask("GET", "/service/x").reply().status == 200


def test_interim_answers_are_not_the_answer(gateway, upstream):
    """100, 102 and 103 of an upstream are passed over; headers of them do not mix with those of the response."""

    def behaviour(talk):
        talk.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\nX-Hint: 1\r\n\r\n")
        talk.reply(b"[]")

    upstream.behaviour = behaviour
    reply = gateway.call("GET", "/service/x")
    assert (reply.status, reply.body) == (200, b"[]")
    assert reply.values("X-Hint") == []


def test_early_answer_of_the_gateway(gateway, upstream):
    """A reply that goes while the body is still coming arrives, and the rest of the body is not a request."""
    with gateway.client() as client:
        reply = client.ask("POST", "/locked/x", {"Content-Length": "500000"}, b"x" * 1000).reply()
        assert reply.status == 401
        assert reply.value("Connection") == "close"


def test_reply_has_one_framing(gateway, upstream):
    """A reply has either a length or chunks, one Date, and no `Server` of ours."""
    upstream.behaviour = stream_of(b"x")
    for target in ("/service/x", "/nowhere", "/echo/x"):
        reply = gateway.call("GET", target)
        assert len(reply.values("Content-Length")) + len(reply.values("Transfer-Encoding")) == 1
        assert len(reply.values("Date")) == 1
        assert reply.values("Server") == []


def test_caller_cannot_take_away_static_headers(run_gateway, shared_upstream, upstream):
    """`Connection` takes away headers of the client only, never one that the router adds."""
    gateway = run_gateway([router("/keyed/", shared_upstream.url, headers={"X-Tenant": ["ours"]})])
    reply = gateway.call("GET", "/keyed/x", {"Connection": "close, X-Tenant, X-Mine", "X-Mine": "1"})
    assert reply.status == 200
    assert upstream.asked().values("X-Tenant") == [b"ours"]
    assert upstream.seen[0].values("X-Mine") == []
