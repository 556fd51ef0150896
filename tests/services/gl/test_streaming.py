"""Responses as they arrive: chunk by chunk, with back-pressure, and what is seen of a break."""

import threading
from pathlib import Path

import pytest

from tests.services.gl.rig.gateway import processor, resident, router
from tests.services.gl.rig.http_client import Broken
from tests.services.gl.rig.upstream import Turns, usual
from tests.support.waiting import DEADLINE, until

MIB = 1024 * 1024
KINDS = [
    ("text/event-stream", b'data: {"n":%d}\n\n'),
    ("application/x-ndjson", b'{"n":%d}\n'),
    ("application/octet-stream", b"\0\xff%d"),
]


@pytest.fixture(scope="module")
def holding(run_gateway, shared_upstream):
    """A gateway that holds answers back for processors, up to 64 KiB; `required` is on the router's own gateway."""
    return run_gateway(
        [router("/service/", shared_upstream.url)],
        response={
            "processors": [[processor("look", modifier=True, output_fields_write=["egress_payload"], timeout=3000)]]
        },
        limits={"response_buffer_bytes": 65536},
    )


@pytest.fixture(scope="module")
def requiring(run_gateway, shared_upstream):
    return run_gateway(
        [router("/service/", shared_upstream.url)],
        response={"processors": [[processor("look", required=True)]]},
        limits={"response_buffer_bytes": 65536},
    )


@pytest.mark.parametrize(("kind", "form"), KINDS)
def test_chunk_by_chunk(gateway, upstream, bus, kind, form):
    """Each chunk reaches the client before the target sends the next one."""
    turns = Turns()

    def behaviour(talk):
        talk.head(f"Content-Type: {kind}", "Transfer-Encoding: chunked")
        for number in range(5):
            talk.chunk(form % number)
            turns.wait()
        talk.chunk(b"")

    upstream.behaviour = behaviour
    with gateway.client() as client:
        head = client.ask("GET", "/service/x").head()
        for number in range(5):
            assert client.chunk() == form % number
            turns.done()
        assert client.chunk() == b""
    response = bus.record(head.transaction)["response"]
    assert [error["name"] for error in response["error"]] == ["inbound_payload"]  # no dialect that is known
    if not kind.startswith("application/octet"):
        stream = response["inbound_stream"]
        assert (stream["chunks"], stream["completed"]) == (5, True)
        assert set(stream["first_chunk_timer"]) == {"start", "stop", "duration"}


def test_head_does_not_wait_for_the_first_chunk(gateway, upstream):
    """Status and headers reach the client as soon as the target has sent them: a model may think for long."""
    turns = Turns()

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        turns.wait()
        talk.chunk(b"data: late\n\n")
        talk.chunk(b"")

    upstream.behaviour = behaviour
    with gateway.client() as client:
        assert client.ask("GET", "/service/x").head().status == 200
        turns.done()
        assert client.chunk() == b"data: late\n\n"


def test_pieces_of_a_body_with_a_length(gateway, upstream):
    """A body whose size was told is forwarded as it arrives, too."""
    turns = Turns()

    def behaviour(talk):
        talk.head("Content-Type: text/plain", "Content-Length: 6")
        for piece in (b"one", b"two"):
            talk.send(piece)
            turns.wait()

    upstream.behaviour = behaviour
    with gateway.client() as client:
        head = client.ask("GET", "/service/x").head()
        assert head.value("Content-Length") == "6"
        for piece in (b"one", b"two"):
            assert client.some(3) == piece
            turns.done()


def test_body_that_ends_with_the_connection(gateway, upstream, bus):
    """A response without a length is complete when the target closes in order; the client gets chunks."""

    def behaviour(talk):
        talk.head("Content-Type: text/plain")
        talk.send(b"one")
        talk.send(b"two")
        talk.close()

    upstream.behaviour = behaviour
    reply = gateway.call("GET", "/service/x")
    assert (reply.body, reply.complete, reply.value("Transfer-Encoding")) == (b"onetwo", True, "chunked")
    assert "inbound_stream" not in bus.record(reply.transaction)["response"]


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_slow_reader_holds_back_the_target(gateway, upstream, bus, framing):
    """A client that does not read holds back the target: of 64 MiB little is taken, and all arrives in the end."""
    total = 64 * MIB
    taken = []

    def behaviour(talk):
        if framing == "chunked":
            talk.head("Content-Type: text/plain", "Transfer-Encoding: chunked")
            taken.append(talk.send_at_most(total, 1.0))
        else:
            talk.head("Content-Type: text/plain", f"Content-Length: {total}")
            taken.append(talk.send_at_most(total, 1.0))
        talk.close()

    upstream.behaviour = behaviour
    with gateway.client(receive_buffer=65536) as client:
        client.ask("GET", "/service/slow").head()
        until(lambda: taken, "the target to be held back")
        assert taken[0] < 32 * MIB
        rss = resident(gateway.process.pid)
        assert rss < 200 * MIB
    bus.where(
        lambda record: (
            record["request"].get("ingress_subpath") == "slow" and not record["response"]["inbound_stream"]["completed"]
        )
    )


def test_large_answer_arrives_whole(gateway, upstream, bus):
    """32 MiB pass whole, and leave little behind in the record and in memory."""
    body = bytes(range(256)) * (32 * 4096)
    upstream.behaviour = lambda talk: talk.reply(body, kind="application/octet-stream")
    reply = gateway.call("GET", "/service/x")
    assert reply.body == body
    assert bus.record(reply.transaction)["response"]["inbound_payload"]["size"] == len(body)
    assert resident(gateway.process.pid) < 250 * MIB


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Content-Length: 1000"])
def test_target_breaks_off(gateway, upstream, bus, framing, end):
    """The client sees that the body is not complete; the record says where it broke off, and has what came."""

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", framing)
        if "chunked" in framing:
            talk.chunk(b"data: 1\n\n")
        else:
            talk.send(b"data: 1\n\n")
        arrived.wait(DEADLINE)
        talk.close() if end == "close" else talk.reset()

    arrived = threading.Event()
    upstream.behaviour = behaviour
    with gateway.client() as client:
        head = client.ask("GET", "/service/x").head()
        if "chunked" in framing:
            assert client.chunk() == b"data: 1\n\n"
        else:
            assert client.some() == b"data: 1\n\n"
        arrived.set()
        assert client.ended()
    response = bus.record(head.transaction)["response"]
    (error,) = [
        entry for entry in response["error"] if entry["name"] == "inbound_payload" and "broke off" in entry["details"]
    ]
    assert "after 9 bytes" in error["details"]
    assert response["inbound_stream"]["completed"] is False
    assert response["inbound_payload"]


def test_target_breaks_off_in_the_middle_of_a_chunk(gateway, upstream, bus):
    """The same inside of a chunk."""
    arrived = threading.Event()

    def behaviour(talk):
        talk.head("Content-Type: text/plain", "Transfer-Encoding: chunked")
        talk.send(b"100\r\nonly a part")
        arrived.wait(DEADLINE)
        talk.close()

    upstream.behaviour = behaviour
    with gateway.client() as client:
        assert client.ask("GET", "/service/x").head().status == 200
        assert b"only a part" in client.some()
        arrived.set()
        assert client.ended()


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Transfer-Encoding: chunked", b""),
        ("Transfer-Encoding: chunked", b"zz\r\n"),
        ("Transfer-Encoding: chunked", b"-1\r\nabc\r\n"),
        ("Content-Length: 100", b""),
    ],
)
@pytest.mark.parametrize("end", ["close", "reset"])
def test_target_breaks_off_before_its_body(gateway, upstream, bus, framing, body, end):
    """Nothing has gone out: the client gets a 502, and the record says what it got and why."""

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", framing)
        talk.send(body)
        talk.close() if end == "close" else talk.reset()

    upstream.behaviour = behaviour
    reply = gateway.call("POST", "/service/x", body=b'{"stream":true}')
    assert (reply.status, reply.json()) == (502, {"error": "failure making request"})
    response = bus.record(reply.transaction)["response"]
    assert (response["inbound_status_code"], response["egress_status_code"]) == (502, 502)
    assert "broke off after status 200 and 0 bytes" in response["error"][0]["details"]


def test_broken_framing_in_the_first_chunk(gateway, upstream, bus):
    """So it does if a first chunk is broken behind some bytes: none of them has gone out."""
    upstream.behaviour = lambda talk: talk.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n"
    )
    reply = gateway.call("GET", "/service/x")
    assert reply.status == 502
    assert "broke off after status 200 and 3 bytes" in bus.record(reply.transaction)["response"]["error"][0]["details"]


def test_time_outs_before_the_body(run_gateway, shared_upstream, upstream, bus):
    """A body that does not begin in the time that the router gives it is a 504, and the only note is of that."""
    gateway = run_gateway(
        [
            router("/chunks/", shared_upstream.url, timeouts={"between_chunks_ms": 100}),
            router("/all/", shared_upstream.url, timeouts={"total_ms": 100}),
        ]
    )

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        talk.left()
        talk.close()

    upstream.behaviour = behaviour
    for path in ("/chunks/x", "/all/x"):
        reply = gateway.call("GET", path)
        assert (reply.status, reply.json()) == (504, {"error": "failure making request"})
        response = bus.record(reply.transaction)["response"]
        assert [error["name"] for error in response["error"]] == ["egress_status_code"]
        assert "no more data in time" in response["error"][0]["details"]
        assert response["egress_status_code"] == 504


def test_bodies_that_are_empty(gateway, upstream):
    """A response without a body does not wait for one."""
    for framing in ("Content-Length: 0", "Transfer-Encoding: chunked"):

        def behaviour(talk, framing=framing):
            talk.head("Content-Type: text/plain", framing)
            if "chunked" in framing:
                talk.chunk(b"")

        upstream.behaviour = behaviour
        reply = gateway.call("GET", "/service/x")
        assert (reply.status, reply.body, reply.complete) == (200, b"", True)


def test_reset_of_a_body_that_ends_with_the_connection(gateway, upstream):
    """A reset is never taken for the end of a body without a length."""
    arrived = threading.Event()

    def behaviour(talk):
        talk.head("Content-Type: text/plain")
        talk.send(b"one")
        arrived.wait(DEADLINE)
        talk.reset()

    upstream.behaviour = behaviour
    with gateway.client() as client:
        client.ask("GET", "/service/x").head()
        assert client.chunk() == b"one"
        arrived.set()
        with pytest.raises(Broken):
            client.chunk()


BROKEN_ANSWERS = {
    "nothing": b"",
    "rubbish": b"\0\1\2 rubbish\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Type: te",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length and chunked": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad length": b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nabc",
    "control in header": b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "RTSP": b"RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "Icecast": b"ICE/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "endless head": b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * (2 * MIB),
}


@pytest.mark.parametrize("name", BROKEN_ANSWERS)
def test_answer_that_is_no_http(gateway, upstream, bus, name):
    """What is no response, or an ambiguous one, is a 502 with our error; nothing of it reaches the client."""

    def behaviour(talk):
        talk.send(BROKEN_ANSWERS[name])
        talk.close()

    upstream.behaviour = behaviour
    reply = gateway.call("POST", "/service/x", body=b"{}")
    assert (reply.status, reply.json()) == (502, {"error": "failure making request"})
    response = bus.record(reply.transaction)["response"]
    assert response["egress_status_code"] == 502
    assert response["error"]


def test_more_than_the_length(gateway, upstream):
    """Bytes behind the announced end are not part of the response, and not of the next one either."""

    def behaviour(talk):
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")

    upstream.behaviour = behaviour
    with gateway.client() as client:
        assert client.ask("GET", "/service/x").reply().body == b"abc"
        upstream.behaviour = usual
        assert client.ask("GET", "/service/y").reply().body == b'{"ok":true}'


def test_trailers_of_an_answer_are_dropped(gateway, upstream):
    """Trailers do not become headers, and the body is whole."""
    upstream.behaviour = lambda talk: talk.send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"
    )
    with gateway.client() as client:
        reply = client.ask("GET", "/service/x").reply()
        assert (reply.body, reply.values("X-T")) == (b"abc", [])
        upstream.behaviour = usual
        assert client.ask("GET", "/service/y").reply().status == 200


def test_answer_before_the_request_is_read(gateway, upstream):
    """A target that answers before it has the whole body is heard."""
    upstream.behaviour = lambda talk: talk.reply(b'{"error":"too much"}', 413, "Connection: close")
    reply = gateway.call("POST", "/service/x", body=b"x" * 3_000_000)
    assert reply.status == 413


# -------------------------------------------------------------------- held back


def test_processor_changes_a_stream(holding, upstream, bus):
    """A synchronous response processor gets the whole stream, and what it writes is the body, with its length."""
    bus.scripts["processor.look"] = lambda _: b'{"egress_payload":{"changed":true}}'

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        for number in range(3):
            talk.chunk(b'data: {"n":%d}\n\n' % number)
        talk.chunk(b"")

    upstream.behaviour = behaviour
    reply = holding.call("GET", "/service/x")
    assert reply.json() == {"changed": True}
    assert reply.value("Content-Length") == str(len(reply.body))
    assert "inbound_payload" in bus.message_on("processor.look")


def test_stream_too_large_for_a_processor(holding, upstream, bus):
    """Above the buffer the response passes whole, the processor is skipped, and the record says so."""
    upstream.behaviour = lambda talk: talk.reply(b"x" * 200_000, kind="text/plain")
    reply = holding.call("GET", "/service/x")
    assert reply.body == b"x" * 200_000
    response = bus.record(reply.transaction)["response"]
    assert "processors" not in response
    assert "inbound_payload" in [error["name"] for error in response["error"]]
    assert bus.on("processor.look") == []


def test_stream_too_large_for_a_required_processor(requiring, upstream, bus):
    """With a required processor it is a 502, and the target is disconnected."""
    left = threading.Event()

    def behaviour(talk):
        talk.head("Content-Type: text/plain", "Transfer-Encoding: chunked")
        talk.chunk(b"x" * 100_000)
        if talk.left():
            left.set()
        talk.close()

    upstream.behaviour = behaviour
    reply = requiring.call("GET", "/service/x")
    assert reply.status == 502
    assert list(reply.json()) == ["error"]
    assert left.wait(DEADLINE)
    assert bus.record(reply.transaction)["response"]["egress_status_code"] == 502


def test_target_breaks_off_while_held_back(holding, upstream, bus):
    """Nothing has gone out yet: the client gets a 502."""

    def behaviour(talk):
        talk.head("Content-Type: text/plain", "Content-Length: 100")
        talk.send(b"part")
        talk.close()

    upstream.behaviour = behaviour
    reply = holding.call("GET", "/service/x")
    assert (reply.status, reply.json()) == (502, {"error": "failure making request"})


# ------------------------------------------------------------------- disconnect


def leaving(upstream, *, before=None, chunk=b""):
    """A behaviour: answer up to a point, then wait for the gateway to leave. Gives events: reached, left."""
    reached, left = threading.Event(), threading.Event()

    def behaviour(talk):
        if before:
            talk.head(*before)
        if chunk:
            talk.chunk(chunk) if before and "Transfer-Encoding: chunked" in before else talk.send(chunk)
        reached.set()
        if talk.left():
            left.set()
        talk.close()

    upstream.behaviour = behaviour
    return reached, left


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_caller_leaves_before_the_answer(gateway, upstream, bus, method):
    """Who leaves while the target thinks: the call is cancelled at once, and recorded."""
    reached, left = leaving(upstream)
    with gateway.client() as client:
        client.ask(method, f"/service/early{method}", body=b"{}" if method == "POST" else b"")
        assert reached.wait(DEADLINE)
    assert left.wait(DEADLINE), "the target is still being asked"
    record = bus.of_path(f"early{method}")
    assert "egress" in [error["name"] for error in record["response"]["error"]]


@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        (("Content-Type: text/event-stream", "Transfer-Encoding: chunked"), b"data: 1\n\n"),
        (("Content-Type: application/json", "Content-Length: 1000"), b'{"part'),
        (("Content-Type: text/plain",), b"part"),
    ],
    ids=["stream", "length", "until-close"],
)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_caller_leaves_in_the_middle(gateway, upstream, bus, head, chunk, how):
    """Who leaves in the middle of a response: the target sees it, and the record has what came."""
    reached, left = leaving(upstream, before=head, chunk=chunk)
    client = gateway.client()
    reply = client.ask("GET", "/service/mid").head()
    assert client.some()
    assert reached.wait(DEADLINE)
    if how == "reset":
        client.leave()
    else:
        client.__exit__()
    assert left.wait(DEADLINE)
    response = bus.record(reply.transaction)["response"]
    assert response["inbound_stream"]["completed"] is False
    assert "egress" in [error["name"] for error in response["error"]]
    assert response["inbound_payload"] is not None


def test_caller_leaves_while_the_answer_is_held_back(holding, upstream, bus):
    """The same while nothing has gone out yet."""
    reached, left = leaving(upstream, before=("Content-Type: text/plain", "Content-Length: 1000"), chunk=b"part")
    with holding.client() as client:
        client.ask("GET", "/service/held")
        assert reached.wait(DEADLINE)
    assert left.wait(DEADLINE)
    assert bus.of_path("held")


def test_caller_leaves_during_a_processor(holding, upstream, bus):
    """A client that leaves while a processor works: the record is written."""
    with holding.client() as client:
        client.ask("GET", "/service/working")
        bus.message_on("processor.look")
    assert bus.of_path("working")


def test_caller_leaves_during_the_upload(gateway, upstream, bus):
    """A client that leaves before its request is complete: nothing is called, and the record knows its path."""
    with gateway.client() as client:
        client.ask("POST", "/service/upload", {"Content-Length": "100"}, b"part")
    record = bus.of_path("upload")
    assert record["request"]["ingress_headers"]["Content-Length"] == ["100"]
    assert upstream.seen == []


def test_pipelined_requests_of_a_caller_who_left_are_not_made(gateway, upstream, bus):
    """What was sent ahead and not begun is forgotten with its client."""
    reached, left = leaving(upstream)
    with gateway.client() as client:
        for number in range(3):
            client.ask("POST", f"/service/ahead{number}", body=b"{}")
        assert reached.wait(DEADLINE)
    assert left.wait(DEADLINE)
    bus.of_path("ahead0")
    assert gateway.call("GET", "/echo/x").status == 200
    assert [seen.target for seen in upstream.seen] == ["/ahead0"]


def test_reply_is_complete_for_a_slow_reader_that_closes(run_gateway, shared_upstream, upstream, bus):
    """The last reply of a connection arrives whole, however slowly it is read: the connection ends after it."""
    gateway = run_gateway([router("/service/", shared_upstream.url)], limits={"idle_timeout_ms": 3000})
    body = bytes(8 * MIB)
    upstream.behaviour = lambda talk: talk.reply(body, kind="application/octet-stream")
    with gateway.client(receive_buffer=16384) as client, gateway.client() as clock:
        client.ask("GET", "/service/x", {"Connection": "close"})
        head = client.head()
        received = 0
        while not any(record["transaction_id"] == head.transaction for record in list(bus.records)) and received < len(
            body
        ):
            received += len(client.some(16384))
        upstream.behaviour = usual
        clock.ask("GET", "/service/y").reply()
        assert clock.ended()  # gl's own clock: more time has gone by than it lets a closing connection linger
        received += len(client.rest())
        assert received == len(body)


CHUNK = (
    b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":%b}]}\n\n'
)
COUNTS = b'data: {"object":"chat.completion.chunk","choices":[],"usage":{"total_tokens":7}}\n\n'


@pytest.fixture(scope="module")
def asking(run_gateway, shared_upstream):
    """A gateway that asks OpenAI streams for their usage."""
    return run_gateway([router("/usage/", shared_upstream.url, add_stream_usage=True)])


def finishing(upstream, then):
    """A behaviour: a stream up to its finished choice, then what `then` does with the talk. Gives its event."""
    go_on = threading.Event()

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        talk.chunk(CHUNK % b"null" + CHUNK % b'"stop"')
        assert go_on.wait(DEADLINE)
        then(talk)

    upstream.behaviour = behaviour
    return go_on


def leave_at_the_finish(gateway, go_on):
    """A client that leaves at the finished choice, as SDKs let one do; the target continues when gl has seen it.

    Gives its transaction.
    """
    with gateway.client() as client:
        head = client.ask("POST", "/usage/chat/completions", body=b'{"messages":[],"stream":true}').head()
        assert b'"stop"' in client.some()
        before = open_files(gateway)
        client.leave()
    until(lambda: open_files(gateway) < before, "the gateway to see that its caller has left")
    go_on.set()
    return head.transaction


def open_files(gateway):
    return len(list(Path(f"/proc/{gateway.process.pid}/fd").iterdir()))


def test_usage_of_a_caller_who_left(asking, upstream, bus):
    """Whoever leaves at the finished choice is counted: gl reads the usage that it asked for."""

    def then(talk):
        talk.chunk(COUNTS)
        talk.chunk(b"data: [DONE]\n\n")
        talk.chunk(b"")

    transaction = leave_at_the_finish(asking, finishing(upstream, then))
    response = bus.record(transaction)["response"]
    assert response["inbound_payload"]["usage"] == {"total_tokens": 7}
    assert response["inbound_stream"]["completed"] is False
    assert "egress" in [error["name"] for error in response["error"]]


def test_usage_that_never_comes(asking, upstream, bus):
    """A target that does not send it is left nevertheless, and the record says that it is not counted."""
    left = threading.Event()
    transaction = leave_at_the_finish(asking, finishing(upstream, lambda talk: talk.left() and left.set()))
    response = bus.record(transaction)["response"]
    assert left.wait(DEADLINE)
    assert "its usage is not counted" in response["error"][-1]["details"]


def test_gateway_stops_while_usage_is_awaited(run_gateway, shared_upstream, upstream, bus):
    """A gateway that is told to stop has the record of such a call nevertheless."""
    gateway = run_gateway([router("/usage/", shared_upstream.url, add_stream_usage=True)], shutdown_timeout_ms=100)
    left = threading.Event()
    transaction = leave_at_the_finish(gateway, finishing(upstream, lambda talk: talk.left() and left.set()))
    gateway.process.stop()
    assert bus.record(transaction)["response"]["inbound_payload"]["choices"][0]["finish_reason"] == "stop"
    assert left.wait(DEADLINE)


def test_caller_leaves_behind_the_end_mark(gateway, upstream, bus):
    """Who leaves with `[DONE]` in hand had all of the stream, though the target keeps the body open."""
    go_on = threading.Event()

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        talk.chunk(CHUNK % b'"stop"' + b"data: [DONE]\n\n")
        go_on.set()
        talk.left()

    upstream.behaviour = behaviour
    with gateway.client() as client:
        head = client.ask("POST", "/service/x", body=b'{"messages":[],"stream":true}').head()
        assert b"[DONE]" in client.some()
    response = bus.record(head.transaction)["response"]
    assert response["inbound_stream"]["completed"] is True
    assert "error" not in response
