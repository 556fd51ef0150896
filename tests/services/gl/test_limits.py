"""Limits and times: what clients may send and how long they may take; how long a target may take."""

import json
import socket
import threading

import pytest

from gecholog.ledger.record_reader import call_of
from tests.services.gl.rig.gateway import router
from tests.services.gl.rig.upstream import usual
from tests.support.ports import free_port
from tests.support.waiting import DEADLINE, until


@pytest.fixture(scope="module")
def strict(run_gateway, shared_upstream):
    """A gateway with small limits for everything that clients do."""
    return run_gateway(
        [
            router("/service/", shared_upstream.url),
            router("/locked/", shared_upstream.url, required={"Api-Key": ["k"]}),
        ],
        limits={
            "request_body_bytes": 1000,
            "request_head_bytes": 2048,
            "request_head_timeout_ms": 600,
            "request_body_timeout_ms": 600,
            "idle_timeout_ms": 900,
            "connections": 6,
        },
    )


def check_error(reply, status):
    assert reply.status == status
    assert list(reply.json()) == ["error"]
    assert reply.value("Content-Type") == "application/json"


@pytest.mark.parametrize("expect", [{}, {"Expect": "100-continue"}])
def test_body_too_large_by_its_length(strict, upstream, bus, expect):
    """An announced body over the limit is refused before it comes, and recorded."""
    with strict.client() as client:
        reply = client.ask("POST", "/service/large", {"Content-Length": "1001"} | expect).reply()
        check_error(reply, 413)
        assert client.ended()
    assert bus.record(reply.transaction)["response"]["egress_status_code"] == 413
    assert upstream.seen == []


def test_body_too_large_by_its_chunks(strict, upstream):
    """A body whose size was not announced is refused when it is over the limit."""
    with strict.client() as client:
        client.ask("POST", "/service/x", {"Transfer-Encoding": "chunked"})
        for _ in range(11):
            client.send(b"64\r\n" + b"x" * 100 + b"\r\n")
        check_error(client.reply(), 413)
    assert upstream.seen == []


def test_body_of_the_limit(strict, upstream):
    """The limit itself is allowed, in one piece and in chunks."""
    assert strict.call("POST", "/service/x", {}, b"x" * 1000).status == 200
    chunks = b"".join(b"64\r\n" + b"x" * 100 + b"\r\n" for _ in range(10)) + b"0\r\n\r\n"
    assert strict.call("POST", "/service/x", {"Transfer-Encoding": "chunked"}, chunks).status == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET /service/x HTTP/1.1\r\nHost: g\r\nX-A: " + b"a" * 3000 + b"\r\n\r\n",
        b"GET /service/" + b"a" * 3000 + b" HTTP/1.1\r\nHost: g\r\n\r\n",
        b"GET /service/x?" + b"a" * 3000,
        b"GET /service/x HTTP/1.1\r\n" + b"X-A: b\r\n" * 400,
        b"GET /service/x HTTP/1.1\r\nHost: g\r\n" + b"a" * 3000,
    ],
    ids=["value", "path", "unfinished query", "many headers", "unfinished name"],
)
def test_head_too_large(strict, upstream, head):
    """A head over the limit is a 431, whole or not."""
    with strict.client() as client:
        check_error(client.send(head).reply(), 431)
        assert client.ended()
    assert upstream.seen == []


def test_too_many_headers(gateway, upstream):
    """A thousand names are taken, and no more: each costs far more time than its bytes."""
    for number, status in ((900, 200), (1001, 431)):
        lines = b"".join(b"X-%d: a\r\n" % place for place in range(number))
        with gateway.client() as client:
            assert client.send(b"GET /service/x HTTP/1.1\r\nHost: g\r\n" + lines + b"\r\n").reply().status == status
    assert len(upstream.seen) == 1


def test_target_with_too_many_headers(gateway, upstream):
    """The same for a response: a 502 that says so."""
    upstream.behaviour = lambda talk: talk.head(*(f"X-{place}: a" for place in range(1001)), "Content-Length: 0")
    assert gateway.call("GET", "/service/x").status == 502
    upstream.behaviour = lambda talk: talk.head(*(f"X-{place}: a" for place in range(900)), "Content-Length: 0")
    assert gateway.call("GET", "/service/x").status == 200


def test_trailers_are_limited(strict, upstream):
    """A client cannot send trailers endlessly."""
    with strict.client() as client:
        client.ask(
            "POST", "/service/x", {"Transfer-Encoding": "chunked"}, b"1\r\nx\r\n0\r\n" + b"X-A: " + b"b" * 300_000
        )
        reply = client.reply()
        assert reply.status in (400, 413, 431)


def test_two_requests_at_once(run_gateway, shared_upstream, upstream):
    """The body of the first is not taken for chunk extensions of the second, however small the limit is."""
    gateway = run_gateway([router("/service/", shared_upstream.url)], limits={"request_head_bytes": 1024})
    one = b"POST /service/x HTTP/1.1\r\nHost: g\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000
    two = b"POST /service/x HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\n"
    with gateway.client() as client:
        client.send(one + two)
        assert client.reply().status == 200
        assert client.send(b"y" * 100).reply().status == 200


def test_large_head_within_the_usual_limit(gateway, upstream):
    """Usually a head may have a megabyte."""
    reply = gateway.call("GET", "/service/x", {f"X-{number}": "v" * 10_000 for number in range(60)})
    assert reply.status == 200


def test_slow_head(strict, upstream):
    """A client that does not finish its head is told so, and let go."""
    with strict.client() as client:
        check_error(client.send(b"GET /service/x HTTP/1.1\r\nHost:").reply(), 408)
        assert client.ended()


def test_caller_that_says_nothing(strict, upstream):
    """A connection without a request is closed."""
    with strict.client() as client:
        assert b"HTTP/1.1 2" not in client.rest()


def test_caller_that_sends_blank_lines(strict, upstream):
    """Empty lines do not keep a connection open for ever."""
    with strict.client() as client:
        stop = threading.Event()

        def drip():
            try:
                while not stop.wait(0.1):
                    client.send(b"\r\n")
            except OSError:
                pass

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert b"HTTP/1.1 2" not in client.rest()
        finally:
            stop.set()
            dripping.join()


@pytest.mark.parametrize("framing", [{"Content-Length": "100"}, {"Transfer-Encoding": "chunked"}])
def test_slow_body(strict, upstream, bus, framing):
    """A client that does not finish its body is told so, let go, and recorded."""
    with strict.client() as client:
        client.ask("POST", "/service/slowbody", framing, b"1\r\nx\r\n" if "Transfer-Encoding" in framing else b"x")
        reply = client.reply()
        check_error(reply, 408)
        assert client.ended()
    response = bus.record(reply.transaction)["response"]
    assert response["egress_status_code"] == 408
    assert response["error"] == [{"name": "egress_status_code", "details": "request body took too long"}]
    assert upstream.seen == []


def test_malformed_body(strict, upstream, bus):
    """A body that turns out to be malformed is refused, and the record tells what the client was told."""
    with strict.client() as client:
        client.ask("POST", "/service/malformed", {"Transfer-Encoding": "chunked"}, b"1\r\nx\r\n")
        client.send(b"no size\r\n")
        reply = client.reply()
        check_error(reply, 400)
        assert client.ended()
    response = bus.record(reply.transaction)["response"]
    assert response["egress_payload"] == reply.json() == {"error": "malformed request"}
    assert upstream.seen == []


def test_idle_connection(strict, upstream):
    """A connection that is kept alive is closed after a while."""
    with strict.client() as client:
        assert client.ask("GET", "/service/x").reply().status == 200
        assert client.ended()


def test_waiting_for_a_target_is_not_idle(strict, upstream):
    """A client that waits for its response is not late, however long the target thinks."""
    release = threading.Event()

    def behaviour(talk):
        if talk.request.target == "/waits":
            release.wait(DEADLINE)
        talk.reply()

    upstream.behaviour = behaviour
    with strict.client() as waiting, strict.client() as clock:
        waiting.ask("GET", "/service/waits")
        clock.ask("GET", "/service/x").reply()
        assert clock.ended()  # the idle time is over
        release.set()
        assert waiting.reply().status == 200


def test_too_many_connections(strict, upstream):
    """One connection too many is refused with 503; when another one goes there is room again."""
    callers = []
    try:
        for _ in range(6):
            callers.append(strict.client().__enter__())
            assert callers[-1].ask("GET", "/service/x").reply().status == 200
        with strict.client() as refused:
            check_error(refused.reply(), 503)
            assert refused.ended()
    finally:
        for client in callers:
            client.__exit__()

    def served():
        with strict.client() as client:
            return client.ask("GET", "/service/x").reply().status == 200

    until(served, "room for another connection")


# -------------------------------------------------------------- how long a target may take


@pytest.fixture(scope="module")
def patient(run_gateway, shared_upstream):
    """A gateway whose routers give targets little time, each in another way."""
    full = socket.socket()  # its queue will be full: connecting to it takes for ever
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    queued = [socket.socket() for _ in range(8)]
    for one in queued:
        one.setblocking(False)
        one.connect_ex(full.getsockname())
    url = shared_upstream.url
    yield run_gateway(
        [
            router("/connect/", f"http://127.0.0.1:{full.getsockname()[1]}", timeouts={"connect_ms": 300}),
            router("/first/", url, timeouts={"first_byte_ms": 300}),
            router("/between/", url, timeouts={"between_chunks_ms": 300}),
            router("/total/", url, timeouts={"total_ms": 1000}),
            router("/refused/", f"http://127.0.0.1:{free_port()}"),
            router("/unknown/", "http://no-such-host.invalid"),
            router("/service/", url),
        ]
    )
    for one in (full, *queued):
        one.close()


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [("connect", 504, "connection"), ("refused", 502, "refused"), ("unknown", 503, "host")],
)
def test_no_connection(patient, bus, path, status, reason):
    """No connection in time, refused, name not found: each has its status, and the record its reason."""
    reply = patient.call("POST", f"/{path}/x", {}, b"{}")
    assert (reply.status, reply.json()) == (status, {"error": "failure making request"})
    record = bus.record(reply.transaction)
    assert any(reason in error["details"] for error in record["response"]["error"])
    call = call_of(json.dumps(record).encode(), "id")  # the ledger tells it from a 502 of the target
    assert (call.error_class, [attempt.status for attempt in call.attempts]) == ("unreachable", [None])
    assert reason in call.attempts[0].error
    assert bus.ask("coburn.gl.isalive")["Status"] == 200


def hang_after(*parts):
    """A behaviour: send parts, then nothing until the gateway leaves. Gives the event that it has left."""
    left = threading.Event()

    def behaviour(talk):
        for part in parts:
            talk.send(part)
        if talk.left():
            left.set()
        talk.close()

    return behaviour, left


def test_no_first_byte(patient, upstream, bus):
    """A target that does not answer in time: 504, and its connection is closed."""
    upstream.behaviour, left = hang_after()
    reply = patient.call("GET", "/first/x")
    assert (reply.status, reply.json()) == (504, {"error": "failure making request"})
    assert left.wait(DEADLINE)
    response = bus.record(reply.transaction)["response"]
    assert (response["inbound_status_code"], response["egress_status_code"]) == (504, 504)
    assert response["error"] == [{"name": "egress_status_code", "details": "no answer in time"}]


def test_half_a_head_is_no_answer(patient, upstream):
    """The head has to be there in time, not its first byte alone."""
    upstream.behaviour, left = hang_after(b"HTTP/1.1 200 OK\r\nX-A:")
    assert patient.call("GET", "/first/x").status == 504
    assert left.wait(DEADLINE)


def test_interim_answers_do_not_count(patient, upstream):
    """102 Processing is not the response that is waited for."""
    upstream.behaviour, _ = hang_after(b"HTTP/1.1 102 Processing\r\n\r\n")
    assert patient.call("GET", "/first/x").status == 504


def test_nothing_between_chunks(patient, upstream, bus):
    """A target that stops in the middle: the client sees the break, the record says why."""
    upstream.behaviour, left = hang_after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    reply = patient.call("GET", "/between/x")
    assert (reply.status, reply.complete, reply.body) == (200, False, b"abc")
    assert left.wait(DEADLINE)
    details = [error["details"] for error in bus.record(reply.transaction)["response"]["error"]]
    assert any("after 3 bytes" in text and "time" in text for text in details)


def test_total_time_before_the_answer(patient, upstream):
    """The whole call took too long before the response began: 504."""
    upstream.behaviour, left = hang_after()
    assert patient.call("GET", "/total/x").status == 504
    assert left.wait(DEADLINE)


def test_total_time_in_the_middle(patient, upstream, bus):
    """The whole call takes too long while chunks keep coming: it is broken off."""
    stopped = threading.Event()

    def behaviour(talk):
        talk.head("Content-Type: text/plain", "Transfer-Encoding: chunked")
        try:
            while not stopped.wait(0.05):
                talk.chunk(b"x")
        finally:
            stopped.set()

    upstream.behaviour = behaviour
    threading.Timer(8, stopped.set).start()
    reply = patient.call("GET", "/total/x")
    assert not reply.complete
    assert bus.record(reply.transaction)["response"]["error"]


def test_connections_of_a_target_that_hangs_up(patient, upstream):
    """A kept connection that the target has closed is not used again."""
    for _ in range(3):
        assert patient.call("POST", "/service/x", {}, b"{}").status == 200
        before = upstream.connections
        upstream.hang_up()
        until(lambda: not upstream._open, "connections to close")
        assert patient.call("GET", "/service/x").status == 200
        assert upstream.connections == before + 1


@pytest.mark.parametrize(
    ("method", "status", "times"), [("GET", 200, 2), ("POST", 502, 1), ("PUT", 502, 1), ("DELETE", 502, 1)]
)
def test_requests_that_may_be_repeated(patient, upstream, method, status, times):
    """A target that closes a kept connection just when it is used: only requests that change nothing are sent again."""
    assert patient.call("GET", "/service/first").status == 200
    first = upstream.connections
    upstream.seen.clear()

    def behaviour(talk):
        if talk.request.connection <= first:
            talk.close()
        else:
            talk.reply()

    upstream.behaviour = behaviour
    assert patient.call(method, "/service/x", {}, b"" if method == "GET" else b"{}").status == status
    assert len(upstream.seen) == times
    upstream.behaviour = usual
