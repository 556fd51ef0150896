"""Failover with everything real: a processor names other routers, and a call goes there when its target fails."""

import json
import socket
import threading
import time

import pytest

from gecholog.tls import ingress_context
from tests.services.gl.rig.bus import says
from tests.services.gl.rig.gateway import processor, resident, router
from tests.services.gl.rig.upstream import Turns, Upstream
from tests.support.ports import free_port
from tests.support.waiting import DEADLINE, until

MIB = 1024 * 1024
WRITES = [
    "gl_path",
    "fallback_paths",
    "control",
    "control_status_code",
    "control_headers",
    "outbound_headers",
    "outbound_payload",
]
NAMES_IT = ["gl_path", "inbound_status_code", "attempts"]


@pytest.fixture(scope="module")
def spare():
    """A second target."""
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def strange(tls_files):
    """A target with a certificate that nobody trusts."""
    upstream = Upstream(ingress_context(str(tls_files.certificate), str(tls_files.private_key)))
    yield upstream
    upstream.stop()


@pytest.fixture
def second(spare):
    spare.reset()
    yield spare
    spare.reset()


@pytest.fixture(scope="module")
def routers(shared_upstream, spare, strange):
    first, closed = shared_upstream.url, free_port()
    return [
        router("/first/", f"{first}?key=one", headers={"Api-Key": ["key-of-one"], "X-One": ["1"]}),
        router("/second/", f"{spare.url}/v2?k=two", headers={"X-Two": ["2"]}),
        router(
            "/third/",
            first,
            endpoint="third/chat/completions",
            headers={"Api-Key": ["key-of-three"]},
            add_stream_usage=True,
        ),
        router("/refused/", f"http://127.0.0.1:{closed}"),
        router("/unknown/", "http://no-such-host.invalid"),
        router("/tls/", strange.url),
        router("/silent/", first, timeouts={"first_byte_ms": 300}),
        router("/total/", first, timeouts={"total_ms": 300}),
        router("/echo/", first),
    ]


@pytest.fixture(scope="module")
def going_on(run_gateway, routers):
    """A gateway with a modifier that may name other routers, and asynchronous processors that see what came of it."""
    late = {"async": True, "timeout": 5000}
    return run_gateway(
        routers,
        masked_query_parameters=["key"],
        request={
            "processors": [
                [processor("choose", modifier=True, output_fields_write=WRITES)],
                [processor("request_late", input_fields_include=["gl_path", "attempts", "url_path"], **late)],
            ]
        },
        response={
            "processors": [
                [
                    processor("names_it", input_fields_include=NAMES_IT, **late),
                    processor("sees_all", **late),
                    processor("sees_path", input_fields_include=["gl_path"], **late),
                ]
            ]
        },
    )


@pytest.fixture(scope="module")
def going_on_held(run_gateway, routers):
    """The same with a synchronous response processor that names the attempts."""
    return run_gateway(
        routers,
        request={"processors": [[processor("choose", output_fields_write=["fallback_paths"])]]},
        response={"processors": [[processor("names_it", input_fields_include=NAMES_IT)]]},
    )


LATE = ("request_late", "names_it", "sees_all", "sees_path")


@pytest.fixture
def choosing(bus):
    """What the processor writes: `choosing(gl_path=…, fallback_paths=[…])`."""
    for name in ("choose", *LATE):
        bus.scripts[f"processor.{name}"] = lambda _: b""

    def choose(**fields):
        bus.scripts["processor.choose"] = says(**fields)
        return bus

    return choose


def outcomes(record):
    return [(one["gl_path"], one.get("status_code", one.get("error"))) for one in record["request"]["attempts"]]


def notes(half):
    return [error["name"] for error in half.get("error", [])]


def failing(status=503, body=b'{"error":"busy"}', *lines):
    return lambda talk: talk.reply(body, status, *lines)


# ------------------------------------------------------------------ what is a failure


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_status(going_on, upstream, second, choosing, status, method):
    """A status of failure: the next one answers, and the usual fields of the record tell of it alone."""
    bus = choosing(fallback_paths=["/second/"])
    upstream.behaviour = failing(status)
    reply = going_on.call(method, "/first/v1/x?q=1", {"X-Mine": "m"}, b'{"a":1}' if method == "POST" else b"")
    assert (reply.status, reply.json()) == (200, {"ok": True})
    assert upstream.asked().target == "/v1/x?q=1&key=one"
    assert second.asked().target == "/v2/v1/x?q=1&k=two"
    assert second.asked().body == upstream.asked().body
    record = bus.record(reply.transaction)
    assert outcomes(record) == [("/first/", status), ("/second/", 200)]
    request, response = record["request"], record["response"]
    assert (request["gl_path"], request["original_gl_path"], response["gl_path"]) == ("/second/", "/first/", "/second/")
    assert request["url"] == request["attempts"][1]["url"] == f"{second.url}/v2/v1/x?q=1&k=two"
    assert request["url_path"] == f"{second.url}/v2/v1/x"
    assert (response["inbound_status_code"], response["egress_status_code"]) == (200, 200)
    assert notes(request) == [] if method == "POST" else ["ingress_payload"]
    assert notes(response) == []
    assert all(set(one["timer"]) == {"start", "stop", "duration"} for one in request["attempts"])


@pytest.mark.parametrize("fallback", [True, False])
def test_a_connection_that_was_just_closed(going_on, upstream, second, choosing, fallback):
    """A target that closes an idle connection when it is used again has not failed, if the call may be sent twice."""
    bus = choosing(**({"fallback_paths": ["/second/"]} if fallback else {}))
    assert going_on.call("POST", "/first/x", {}, b"{}").status == 200
    used = upstream.seen[-1].connection
    upstream.behaviour = lambda talk: talk.close() if talk.request.connection == used else talk.reply()
    reply = going_on.call("POST", "/first/x", {}, b"{}")
    assert reply.status == (200 if fallback else 502)
    assert second.seen == []
    if fallback:
        assert outcomes(bus.record(reply.transaction)) == [("/first/", 200)]


@pytest.mark.parametrize("length", [64, 65, 300_000])
def test_a_retry_after_of_any_length(going_on, upstream, choosing, length):
    """What a target says of its return goes into the attempt, unless it is longer than any such thing."""
    bus = choosing(fallback_paths=["/second/"])
    upstream.behaviour = failing(503, b"{}", f"Retry-After: {'1' * length}")
    record = bus.record(going_on.call("POST", "/first/x", {}, b"{}").transaction)
    assert ("retry_after" in record["request"]["attempts"][0]) == (length == 64)


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 404, 409, 413, 422])
def test_status_that_is_an_answer(going_on, upstream, second, choosing, status):
    """Any other status is the response, and the record has its one attempt."""
    bus = choosing(fallback_paths=["/second/"])
    upstream.behaviour = failing(status)
    reply = going_on.call("POST", "/first/x", {}, b"{}")
    assert reply.status == status
    assert second.seen == []
    assert outcomes(bus.record(reply.transaction)) == [("/first/", status)]


@pytest.mark.parametrize(
    ("path", "reason"), [("refused", "refused"), ("unknown", "host name"), ("tls", "TLS"), ("silent", "in time")]
)
def test_target_that_cannot_be_called(going_on, upstream, second, choosing, path, reason):
    """Refused, unknown host, TLS that fails, no response in time: noted as an error, then the next target."""
    bus = choosing(fallback_paths=["/second/"])

    def behaviour(talk):
        talk.left()
        talk.close()

    upstream.behaviour = behaviour
    reply = going_on.call("POST", f"/{path}/x", {}, b"{}")
    assert reply.status == 200
    record = bus.record(reply.transaction)
    failed, answered = record["request"]["attempts"]
    assert set(failed) == {"gl_path", "url", "error", "timer"}
    assert set(answered) == {"gl_path", "url", "status_code", "timer"}
    assert reason in failed["error"]
    assert "error" not in record["response"]


@pytest.mark.parametrize("part", [b"", b"rubbish\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-A:", b"HTTP/1.1 101 Up\r\n\r\n"])
def test_target_that_breaks_off(going_on, upstream, second, choosing, part):
    """A target that ends the connection before its response has begun, or does not speak HTTP."""
    bus = choosing(fallback_paths=["/second/"])

    def behaviour(talk):
        talk.send(part)
        talk.close()

    upstream.behaviour = behaviour
    reply = going_on.call("POST", "/first/x", {}, b"{}")
    assert reply.status == 200
    assert outcomes(bus.record(reply.transaction))[1] == ("/second/", 200)


@pytest.mark.parametrize("path", ["silent", "total"])
def test_times_are_those_of_each_router(going_on, upstream, second, choosing, path):
    """A target that is given up after its own short time; the next one may take longer."""
    choosing(fallback_paths=["/second/"])

    def behaviour(talk):
        talk.left()
        talk.close()

    def slowly(talk):
        time.sleep(0.7)
        talk.reply()

    upstream.behaviour, second.behaviour = behaviour, slowly
    assert going_on.call("POST", f"/{path}/x", {}, b"{}").status == 200


# ------------------------------------------------------------------ which paths, how often


def test_all_fail(going_on, upstream, second, choosing):
    """The client gets what the last target said, word for word; the record's usual fields are the last one's."""
    bus = choosing(fallback_paths=["/refused/", "/second/"])
    upstream.behaviour = failing(503)
    second.behaviour = failing(429, b'{"error":"slow down"}', "Retry-After: 7")
    reply = going_on.call("POST", "/first/x", {}, b"{}")
    assert (reply.status, reply.json(), reply.value("Retry-After")) == (429, {"error": "slow down"}, "7")
    record = bus.record(reply.transaction)
    assert [path for path, _ in outcomes(record)] == ["/first/", "/refused/", "/second/"]
    response = record["response"]
    assert (response["inbound_payload"], response["gl_path"]) == ({"error": "slow down"}, "/second/")
    assert response["error"] == [{"name": "egress_status_code", "details": "status 429"}]


def test_last_cannot_be_called(going_on, upstream, choosing):
    """If the last one cannot be called at all, the client is told as of any such target."""
    bus = choosing(fallback_paths=["/refused/"])
    upstream.behaviour = failing(500)
    reply = going_on.call("POST", "/first/x", {}, b"{}")
    assert (reply.status, reply.json()) == (502, {"error": "failure making request"})
    record = bus.record(reply.transaction)
    assert record["request"]["attempts"][1]["error"] == record["response"]["error"][0]["details"]
    assert record["request"]["gl_path"] == "/refused/"


def test_each_path_once(going_on, upstream, second, choosing):
    """No path is tried twice, and one that has no router is left out and noted."""
    bus = choosing(gl_path="/second/", fallback_paths=["/second/", "/nowhere/", "/first/", "/first/", "/third/"])
    upstream.behaviour = second.behaviour = failing(503)
    reply = going_on.call("POST", "/first/x", {}, b"{}")
    assert reply.status == 503
    record = bus.record(reply.transaction)
    assert outcomes(record) == [("/second/", 503), ("/first/", 503), ("/third/", 503)]
    assert [seen.target for seen in upstream.seen] == ["/x?key=one", "/third/chat/completions"]
    (error,) = record["request"]["error"]
    assert error["name"] == "fallback_paths"
    assert "/nowhere/" in error["details"]


@pytest.mark.parametrize("wrong", [None, "/second/", {"a": 1}, 3, [3], ["/second/", None], ["/nowhere/"], []])
def test_nothing_that_can_be_used(going_on, upstream, second, choosing, wrong):
    """A wrong form, or no path that has a router: noted if it is wrong, and the call is as any other."""
    bus = choosing(fallback_paths=wrong)
    upstream.behaviour = failing(503)
    reply = going_on.call("POST", "/first/x", {}, b"{}")
    assert reply.status == 503
    assert second.seen == []
    request = bus.record(reply.transaction)["request"]
    assert "attempts" not in request
    assert notes(request) == ([] if wrong == [] else ["fallback_paths"])


def test_an_echo_is_no_fallback(going_on, upstream, second, choosing):
    """A path of `/echo/` is left out, and noted: it would answer with what should go to a target."""
    bus = choosing(fallback_paths=["/echo/", "/second/"])
    upstream.behaviour = failing(503)
    reply = going_on.call("POST", "/first/x", {}, b"{}")
    record = bus.record(reply.transaction)
    assert [path for path, _ in outcomes(record)] == ["/first/", "/second/"]
    (error,) = record["request"]["error"]
    assert "/echo/" in error["details"]


@pytest.mark.parametrize(("path", "written"), [("/first/x", {"control": {"no": 1}}), ("/echo/x", {})])
def test_no_attempts_without_a_target(going_on, upstream, second, choosing, path, written):
    """A `control` answer and an echo are no attempts, whatever their status."""
    bus = choosing(fallback_paths=["/second/"], control_status_code=503, **written)
    reply = going_on.call("POST", path, {}, b"{}")
    assert reply.status == (503 if written else 200)
    assert upstream.seen == second.seen == []
    assert "attempts" not in bus.record(reply.transaction)["request"]


# ------------------------------------------------------------------ nothing crosses over


def test_keys_stay_with_their_router(going_on, upstream, second, choosing):
    """What belongs to one router, keys in headers and in queries, goes to no other, and not into the record."""
    bus = choosing(fallback_paths=["/second/", "/third/"])
    upstream.behaviour = second.behaviour = failing(503)
    reply = going_on.call("POST", "/first/x?key=mine", {"X-Mine": "1"}, b"{}")
    one, three, two = upstream.asked(1), upstream.asked(2), second.asked()
    assert (one.target, two.target, three.target) == (
        "/x?key=one",
        "/v2/x?key=mine&k=two",
        "/third/chat/completions?key=mine",
    )
    assert (one.values("Api-Key"), two.values("Api-Key"), three.values("Api-Key")) == (
        [b"key-of-one"],
        [],
        [b"key-of-three"],
    )
    assert (two.values("X-One"), three.values("X-One"), three.values("X-Two")) == ([], [], [])
    assert [seen.values("X-Mine") for seen in (one, two, three)] == [[b"1"]] * 3
    record = bus.record(reply.transaction)
    text = json.dumps(record)
    assert "key-of-" not in text
    assert "=one" not in text
    assert "=mine" not in text
    assert record["request"]["outbound_headers"]["Api-Key"] == ["*****MASKED*****"]
    assert record["request"]["attempts"][0]["url"].endswith("/x?key=*****MASKED*****")


def test_callers_key_goes_on(going_on, upstream, second, choosing):
    """A masked header of the client's goes where no router has one of its own."""
    choosing(fallback_paths=["/second/"])
    upstream.behaviour = failing(503)
    going_on.call("POST", "/first/x", {"Api-Key": "of-the-caller"}, b"{}")
    assert upstream.asked().values("Api-Key") == [b"key-of-one"]
    assert second.asked().values("Api-Key") == [b"of-the-caller"]


def test_what_a_processor_wrote_goes_to_all(going_on, upstream, second, choosing):
    """A changed body and headers are prepared for each; a note of something wrong in them stands there once."""
    bus = choosing(fallback_paths=["/second/"], outbound_payload={"b": 2}, outbound_headers={"X Y": 3})
    upstream.behaviour = failing(503)
    reply = going_on.call("POST", "/first/x", {"X-Mine": "1"}, b'{"a":1}')
    assert json.loads(second.asked().body) == json.loads(upstream.asked().body) == {"b": 2}
    assert notes(bus.record(reply.transaction)["request"]) == ["outbound_headers"]


# ------------------------------------------------------------------ bodies and streams


def test_large_request(going_on, upstream, second, choosing):
    """A large body goes to each target whole, also if the first answers before it has read it."""
    choosing(fallback_paths=["/second/"])
    body = json.dumps({"text": "x" * 300_000}).encode()
    upstream.behaviour = failing(503, b"", "Connection: close")
    assert going_on.call("POST", "/first/x", {}, body).status == 200
    assert second.asked().body == body


def test_endless_answer_is_let_go(going_on, upstream, second, choosing):
    """The body of a response that is given up is not read to its end: its connection is closed, memory stays."""
    choosing(fallback_paths=["/second/"])
    ended = threading.Event()

    def endless(talk):
        talk.head("Content-Type: text/plain", "Transfer-Encoding: chunked", status=503)
        piece = bytes(MIB)
        try:
            for _ in range(4096):
                talk.chunk(piece)
        except OSError:
            ended.set()
        talk.close()

    upstream.behaviour = endless
    before = resident(going_on.process.pid)
    assert going_on.call("POST", "/first/x", {}, b"{}").status == 200
    assert ended.wait(DEADLINE), "gl goes on reading"
    assert resident(going_on.process.pid) < before + 64 * MIB


def test_connections_do_not_pile_up(going_on, upstream, second, choosing):
    """However many answers are given up, few connections to their target stand."""
    upstream.hang_up()  # what gateways of other tests have left idle would stand until the upstream's time-out
    until(lambda: not upstream._open, "an upstream without connections")
    choosing(fallback_paths=["/second/"])
    upstream.behaviour = failing(429, b"x" * 20_000)
    for _ in range(40):
        assert going_on.call("POST", "/first/x", {}, b"{}").status == 200
    until(lambda: len(upstream._open) < 5, "connections to be let go")


def test_stream_of_the_second(going_on, upstream, second, choosing):
    """A stream that comes from the second target goes to the client chunk by chunk."""
    bus = choosing(fallback_paths=["/second/"])
    upstream.behaviour, turns = failing(503), Turns()

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        for number in range(3):
            talk.chunk(b"data: %d\n\n" % number)
            turns.wait()
        talk.chunk(b"")

    second.behaviour = behaviour
    with going_on.client() as client:
        head = client.ask("POST", "/first/x", {}, b"{}").head()
        for number in range(3):
            assert client.chunk() == b"data: %d\n\n" % number
            turns.done()
        assert client.chunk() == b""
    record = bus.record(head.transaction)
    assert outcomes(record) == [("/first/", 503), ("/second/", 200)]
    assert record["response"]["inbound_stream"]["completed"] is True


@pytest.mark.parametrize("held", [False, True])
def test_a_good_status_is_the_end_of_it(going_on, going_on_held, upstream, second, choosing, held):
    """What breaks off behind the beginning of its body is not tried again, whether or not the client has seen it."""
    bus = choosing(fallback_paths=["/second/"])

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        talk.chunk(b"data: 1\n\n")
        if not held:
            begun.wait(DEADLINE)
        talk.close()

    begun = threading.Event()
    upstream.behaviour = behaviour
    with (going_on_held if held else going_on).client() as client:
        head = client.ask("POST", "/first/x", {}, b"{}").head()
        assert head.status == (502 if held else 200)
        if not held:
            assert client.chunk() == b"data: 1\n\n"
            begun.set()
            assert client.ended()
    assert second.seen == []
    assert outcomes(bus.record(head.transaction)) == [("/first/", 200)]


@pytest.mark.parametrize("how", ["close", "reset", "framing"])
def test_break_before_the_body(going_on, upstream, second, choosing, how):
    """A body that breaks off before any of it has gone out is asked of the next target: nothing was seen of it yet."""
    bus = choosing(fallback_paths=["/second/"])

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        if how == "framing":
            talk.send(b"zz\r\ndata: 1\n\n\r\n")
        talk.reset() if how == "reset" else talk.close()

    upstream.behaviour = behaviour
    reply = going_on.call("POST", "/first/x", {}, b"{}")
    assert (reply.status, reply.json()) == (200, {"ok": True})
    first, last = bus.record(reply.transaction)["request"]["attempts"]
    assert "broke off after status 200 and 0 bytes" in first["error"]
    assert last["status_code"] == 200


def test_usage_of_streams_is_asked_for_by_router(going_on, upstream, second, choosing):
    """Only the router that asks for usage does, and only its response is filtered."""
    choosing(gl_path="/third/", fallback_paths=["/second/"])
    usage = b'data: {"choices":[],"usage":{"total_tokens":3}}\n\n'
    upstream.behaviour = failing(503)

    def behaviour(talk):
        talk.reply(usage, kind="text/event-stream")

    second.behaviour = behaviour
    body = b'{"stream":true,"messages":[]}'
    reply = going_on.call("POST", "/first/x", {"Accept-Encoding": "gzip"}, body)
    assert reply.body == usage
    assert (second.asked().body, second.asked().values("Accept-Encoding")) == (body, [b"gzip"])
    assert b"include_usage" in upstream.asked().body
    assert upstream.asked().values("Accept-Encoding") == []


# ------------------------------------------------------------------ who leaves, who looks


@pytest.mark.parametrize("how", ["close", "reset"])
def test_caller_leaves_during_the_second_attempt(going_on, upstream, second, choosing, how):
    """The attempt that is under way is broken off at once, no further one is made, and the record has them so far."""
    bus = choosing(fallback_paths=["/second/", "/third/"])
    upstream.behaviour = failing(503)
    reached, left = threading.Event(), threading.Event()

    def behaviour(talk):
        reached.set()
        if talk.left():
            left.set()
        talk.close()

    second.behaviour = behaviour
    client = going_on.client()
    client.ask("POST", f"/first/leaves{how}", {}, b"{}")
    assert reached.wait(DEADLINE)
    client.leave() if how == "reset" else client.__exit__()
    assert left.wait(DEADLINE), "the second target is still being asked"
    record = bus.of_path(f"leaves{how}")
    assert outcomes(record) == [("/first/", 503), ("/second/", "broken off")]
    assert record["request"]["gl_path"] == "/second/"
    assert "egress" in notes(record["response"])
    assert len(upstream.seen) == 1


def test_caller_leaves_while_a_connection_is_made(run_gateway, shared_upstream, upstream, choosing):
    """The same while the second target does not even take the connection."""
    full = socket.socket()  # its queue is full: connecting to it takes for ever
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    queued = [socket.socket() for _ in range(8)]
    for one in queued:
        one.setblocking(False)
        one.connect_ex(full.getsockname())
    gateway = run_gateway(
        [router("/first/", shared_upstream.url), router("/full/", f"http://127.0.0.1:{full.getsockname()[1]}")],
        request={"processors": [[processor("choose", output_fields_write=["fallback_paths"])]]},
    )
    bus = choosing(fallback_paths=["/full/"])
    answered = threading.Event()

    def behaviour(talk):
        talk.reply(b"", 503)
        answered.set()

    upstream.behaviour = behaviour
    try:
        with gateway.client() as client:
            client.ask("POST", "/first/connecting", {}, b"{}")
            assert answered.wait(DEADLINE)
        record = bus.of_path("connecting")
    finally:
        for one in (full, *queued):
            one.close()
    assert outcomes(record)[0] == ("/first/", 503)
    assert "egress" in notes(record["response"])


def test_who_is_given_the_attempts(going_on, upstream, second, choosing):
    """Response processors that name them; nobody else, and no request processor; all see the final router."""
    bus = choosing(fallback_paths=["/second/"])
    upstream.behaviour = failing(503)
    reply = going_on.call("POST", "/first/x", {}, b"{}")
    record = bus.record(reply.transaction)
    assert bus.message_on("processor.names_it") == {
        "gl_path": "/second/",
        "inbound_status_code": 200,
        "attempts": record["request"]["attempts"],
    }
    assert "attempts" not in bus.message_on("processor.sees_all")
    assert bus.message_on("processor.sees_path") == {"gl_path": "/second/"}
    assert set(bus.message_on("processor.request_late")) == {"gl_path", "url_path"}
    assert "attempts" not in record["response"]


def test_synchronous_processor_is_given_the_attempts(going_on_held, upstream, second, choosing):
    """A synchronous one before the reply; without fallback paths it is not given any."""
    bus = choosing(fallback_paths=["/second/"])
    upstream.behaviour = failing(503)
    reply = going_on_held.call("POST", "/first/x", {}, b"{}")
    assert bus.message_on("processor.names_it")["attempts"] == bus.record(reply.transaction)["request"]["attempts"]
    choosing()
    going_on_held.call("POST", "/second/x", {}, b"{}")
    assert set(bus.message_on("processor.names_it", 2)) == {"gl_path", "inbound_status_code"}


def test_no_attempts_without_fallback_paths(going_on, upstream, second, choosing):
    """A call of which nobody names another router is recorded as always."""
    bus = choosing()
    upstream.behaviour = failing(503)
    reply = going_on.call("POST", "/first/x", {}, b"{}")
    assert reply.status == 503
    record = bus.record(reply.transaction)
    assert "attempts" not in record["request"]
    assert "fallback_paths" not in record["request"]
    assert "original_gl_path" not in record["request"]


def test_many_at_once(going_on, upstream, second, choosing):
    """Calls at the same time do not mix: each has the response to its own question, and its own attempts."""
    bus = choosing(fallback_paths=["/refused/", "/second/"])
    upstream.behaviour = failing(503)
    second.behaviour = lambda talk: talk.reply(talk.request.body)
    replies = {}

    def call(number):
        with going_on.client() as client:
            replies[number] = [
                client.ask("POST", "/first/x", {}, b'{"n":%d}' % (number * 100 + turn)).reply() for turn in range(5)
            ]

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    for number, answered in replies.items():
        assert [reply.json()["n"] for reply in answered] == [number * 100 + turn for turn in range(5)]
        for reply in answered:
            record = bus.record(reply.transaction)
            assert [path for path, _ in outcomes(record)] == ["/first/", "/refused/", "/second/"]


# ------------------------------------------------------------------ control


def test_control_with_status_and_headers(going_on, upstream, choosing):
    """A processor refuses a call with a status and headers of its own."""
    bus = choosing(
        control={"error": "too much"}, control_status_code=429, control_headers={"Retry-After": "60", "X-A": ["1", "2"]}
    )
    reply = going_on.call("POST", "/first/x", {}, b"{}")
    assert (reply.status, reply.json()) == (429, {"error": "too much"})
    assert (reply.value("Retry-After"), reply.values("X-A")) == ("60", ["1", "2"])
    assert reply.value("Content-Type") == "application/json"
    assert upstream.seen == []
    response = bus.record(reply.transaction)["response"]
    assert response["inbound_status_code"] == response["egress_status_code"] == 429
    assert response["egress_headers"]["Retry-After"] == ["60"]


def test_control_with_what_is_wrong(going_on, upstream, choosing):
    """What cannot be a status or headers is noted, and the usual ones are sent."""
    bus = choosing(control="text", control_status_code="429", control_headers={"X-A": ["a\r\nX-B: b"]})
    reply = going_on.call("POST", "/first/x", {}, b"{}")
    assert (reply.status, reply.body, reply.value("Content-Type")) == (200, b'"text"', "application/json")
    assert reply.values("X-A") == reply.values("X-B") == []
    assert notes(bus.record(reply.transaction)["request"]) == ["control_headers", "control_status_code"]


@pytest.mark.parametrize("status", [204, 304])
def test_control_without_a_body(going_on, upstream, choosing, status):
    """A status that has no body: none is sent, and the connection stays in order."""
    choosing(control={"a": 1}, control_status_code=status, control_headers={"Content-Type": "text/plain"})
    with going_on.client() as client:
        for _ in range(2):
            reply = client.ask("POST", "/first/x", {}, b"{}").reply()
            assert (reply.status, reply.body) == (status, b"")
