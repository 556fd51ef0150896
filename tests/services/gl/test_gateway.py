"""The gateway as a service: sessions, processors, reload under traffic, the end, and a bus that goes away."""

import json
import signal
import ssl
import threading
import time
from pathlib import Path

import pytest

from tests.services.gl.rig.bus import Listener, says
from tests.services.gl.rig.gateway import Gateway, config_of, processor, router
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port
from tests.support.waiting import DEADLINE, until

# -------------------------------------------------------------------- routers, sessions


@pytest.mark.parametrize(
    ("target", "status"),
    [("/nowhere/x", 404), ("/", 404), ("/service", 400), ("/locked", 400), ("/servicex/", 404), ("/Service/x", 404)],
)
def test_no_router(gateway, upstream, target, status):
    """No router: 404; a router's path without its last slash: 400. Neither has a session."""
    reply = gateway.call("GET", target)
    assert reply.status == status
    assert list(reply.json()) == ["error"]
    assert reply.values("Session-Id") == []
    assert upstream.seen == []


def test_new_session(gateway, upstream, bus):
    """A call without a session begins one; each has its own."""
    first, second = gateway.call("GET", "/service/x"), gateway.call("GET", "/service/x")
    assert first.transaction.startswith("TST00001_")
    assert first.transaction.endswith("_0")
    assert first.transaction != second.transaction
    assert bus.record(first.transaction)["session_id"] == first.transaction


def test_session_goes_on(gateway, upstream, bus):
    """The id that came back, sent again, continues the session."""
    first = gateway.call("GET", "/service/x")
    second = gateway.call("GET", "/service/x", {"session-id": first.transaction})
    assert second.transaction == first.transaction[:-1] + "1"
    assert bus.record(second.transaction)["session_id"] == first.transaction


@pytest.mark.parametrize(
    "header", ["", "x", "TST00001_1_1", "TST00001_1_1_x", "A_1_1_1; B_2_2_2", "_1_1_1", "a" * 200, "TST_1_1_\u00b2"]
)
def test_what_is_no_session(gateway, upstream, header):
    """Whatever else stands in the header, a new session begins."""
    transaction = gateway.call("GET", "/service/x", {"Session-Id": header}).transaction
    assert transaction.startswith("TST00001_")
    assert transaction.endswith("_0")


def test_same_transaction_twice(gateway, upstream, bus):
    """Clients choose the session: two calls of one transaction id are two records."""
    header = {"Session-Id": "TWICE_1_7_3"}
    before = len(bus.record_ids)
    replies = [gateway.call("GET", "/service/x", header) for _ in range(2)]
    assert {reply.transaction for reply in replies} == {"TWICE_1_7_4"}
    until(lambda: [record["transaction_id"] for record in list(bus.records)].count("TWICE_1_7_4") == 2, "both records")
    ids = bus.record_ids[before:]
    assert len(set(ids)) == len(ids)
    assert all(ids)


def test_session_comes_with_every_answer_of_a_router(gateway, upstream):
    """Refusals of a router and failures of its target carry the transaction id."""
    assert gateway.call("GET", "/locked/x").transaction
    upstream.behaviour = lambda talk: talk.reset()
    assert gateway.call("POST", "/service/x").transaction


def test_unauthorized(gateway, upstream, bus):
    """A wrong key is refused with the text of the specification and leaves no record."""
    for headers, text in (({}, "missing"), ({"Api-Key": "wrong"}, "values invalid")):
        reply = gateway.call("GET", "/locked/x", headers)
        assert (reply.status, reply.json()) == (401, {"error": f"unauthorized header:'Api-Key' {text}"})
    assert gateway.call("GET", "/locked/x", {"API-KEY": "the-key-of-the-caller"}).status == 200
    after = gateway.call("GET", "/service/x")
    bus.record(after.transaction)
    assert not [record for record in bus.records if record["transaction_id"] == reply.transaction]


def test_isalive(gateway, upstream, bus):
    """Who asks on the bus is told of the last call."""
    reply = gateway.call("GET", "/service/x")
    bus.record(reply.transaction)
    said = bus.ask("coburn.gl.isalive")
    assert said["Status"] == 200
    assert said["Error"] is None
    assert set(said["Body"]) == {"LastTransactionID", "LastIngressTime", "LastError", "LastErrorTime"}


# -------------------------------------------------------------------- processors


@pytest.fixture(scope="module")
def processing(run_gateway, shared_upstream):
    """A gateway with processors of each sort."""
    changing = ["outbound_payload", "outbound_headers", "gl_path", "outbound_subpath", "outbound_query_parameters"]
    return run_gateway(
        [
            router("/service/", shared_upstream.url, headers={"X-Static": ["first"]}),
            router("/second/", f"{shared_upstream.url}/v2?k=second", headers={"X-Static": ["second"]}),
        ],
        request={
            "processors": [
                [
                    processor("change", modifier=True, output_fields_write=changing, timeout=500),
                    processor("add", output_fields_write=["added", "control"], timeout=500),
                ],
                [processor("see", input_fields_include=["added", "ingress_headers"], timeout=300)],
                [processor("after", output_fields_write=["late"], **{"async": True, "timeout": 2000})],
            ]
        },
        response={
            "processors": [[processor("afterwards", output_fields_write=["seen"], **{"async": True, "timeout": 2000})]]
        },
    )


@pytest.fixture
def answering(bus):
    """All processors answer nothing, unless a test says otherwise."""
    for name in ("change", "add", "see", "after", "afterwards"):
        bus.scripts[f"processor.{name}"] = lambda _: b""
    return bus


def test_processors(processing, upstream, answering):
    """A modifier changes what goes out, an annotator adds, an asynchronous one adds to the record only."""
    answering.scripts["processor.change"] = says(outbound_payload={"b": 2}, outbound_headers={"X-New": ["1"]})
    answering.scripts["processor.add"] = says(added={"x": 1})
    answering.scripts["processor.after"] = says(late="yes")
    answering.scripts["processor.afterwards"] = says(seen=True)
    reply = processing.call("POST", "/service/x", {"X-Old": "1"}, b'{"a":1}')
    seen = upstream.asked()
    assert json.loads(seen.body) == {"b": 2}
    assert seen.values("X-New") == [b"1"]
    assert seen.values("X-Old") == []
    assert seen.values("X-Static") == [b"first"]
    record = answering.record(reply.transaction)
    assert record["request"]["ingress_payload"] == {"a": 1}
    assert record["request"]["outbound_payload"] == {"b": 2}
    assert record["request"]["added"] == {"x": 1}
    assert (record["request"]["late"], record["response"]["seen"]) == ("yes", True)
    assert [run["name"] for run in record["request"]["processors"]] == ["change", "add", "see"]
    assert [run["name"] for run in record["request"]["processors_async"]] == ["after"]
    assert set(answering.message_on("processor.see")) == {"added", "ingress_headers"}


def test_control(processing, upstream, answering):
    """`control` of a processor is the response; nothing is called."""
    answering.scripts["processor.add"] = says(control={"stopped": True})
    reply = processing.call("POST", "/service/x", {}, b"{}")
    assert (reply.status, reply.json(), reply.value("Content-Type")) == (200, {"stopped": True}, "application/json")
    assert upstream.seen == []
    assert answering.record(reply.transaction)["response"]["inbound_payload"] == {"stopped": True}


def test_reroute(processing, upstream, answering):
    """A processor sends the call to another router: url, query and static headers are that one's."""
    answering.scripts["processor.change"] = says(gl_path="/second/")
    reply = processing.call("POST", "/service/x?q=1", {}, b"{}")
    seen = upstream.asked()
    assert seen.target == "/v2/x?q=1&k=second"
    assert seen.values("X-Static") == [b"second"]
    record = answering.record(reply.transaction)
    assert record["request"]["original_gl_path"] == "/service/"
    assert record["request"]["gl_path"] == record["response"]["gl_path"] == "/second/"


def test_late_processor(processing, upstream, answering):
    """A response that comes too late is not waited for, not taken, and noted."""
    del answering.scripts["processor.see"]
    reply = processing.call("POST", "/service/x", {"X-Mine": "1"}, b"{}")
    assert reply.status == 200
    request = answering.record(reply.transaction)["request"]
    assert [error["name"] for error in request["error"]] == ["see"]
    (run,) = [run for run in request["processors"] if run["name"] == "see"]
    assert run["details"]["completed"] is False


@pytest.mark.parametrize("answer", [b"garbage", b"\xff\xfe", b"[]", b'"x"', b"{", b'{"added":1}x', b"\0" * 100])
def test_garbage(processing, upstream, answering, answer):
    """What is no JSON object is noted, and the call continues."""
    answering.scripts["processor.add"] = lambda _: answer
    reply = processing.call("POST", "/service/x", {}, b"{}")
    assert reply.status == 200
    request = answering.record(reply.transaction)["request"]
    assert "added" not in request
    assert [error["name"] for error in request["error"]] == ["add"]


def test_deep_answer(processing, upstream, answering):
    """JSON that is nested deeper than any parser likes costs one processor run at most."""
    answering.scripts["processor.add"] = lambda _: b'{"added":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    reply = processing.call("POST", "/service/x", {}, b"{}")
    assert reply.status == 200
    assert processing.process.is_running


def test_two_answers(processing, upstream, answering):
    """Of two answers the first counts; the second does no harm, to this call or the next."""
    answering.scripts["processor.add"] = lambda _: [b'{"added":1}', b'{"added":2}']
    for _ in range(3):
        reply = processing.call("POST", "/service/x", {}, b"{}")
        assert answering.record(reply.transaction)["request"]["added"] == 1


def test_message_too_large_for_the_bus(processing, upstream, answering):
    """A call that does not fit the bus is not sent to processors; it continues, and its record fits."""
    body = json.dumps({"text": "x" * 1_200_000}).encode()
    reply = processing.call("POST", "/service/x", {}, body)
    assert reply.status == 200
    assert upstream.asked().body == body
    record = answering.record(reply.transaction)
    runs = {run["name"]: run["details"]["completed"] for run in record["request"]["processors"]}
    assert runs["change"] is runs["add"] is False
    assert {"change", "add"} <= {error["name"] for error in record["request"]["error"]}
    assert answering.on("processor.change") == []
    assert answering.on("processor.see") != []


def test_record_of_about_the_bus_limit(processing, gateway, upstream, bus):
    """Records of every size around the bus's limit arrive."""
    for size in range(262_050, 262_150, 9):
        text = "x" * size
        upstream.behaviour = lambda talk, text=text: talk.reply(json.dumps({"t": text}).encode())
        reply = gateway.call("POST", "/service/x", {}, json.dumps({"t": text}).encode())
        assert bus.record(reply.transaction)["response"]["egress_status_code"] == 200


@pytest.fixture(scope="module")
def roomy(tmp_path_factory):
    """A bus that takes large messages."""
    server = NatsServer(tmp_path_factory.mktemp("roomy"), jetstream=True, max_payload=24 << 20)
    server.start()
    listener = Listener(server)
    yield server, listener
    listener.stop()
    server.kill()


def test_large_answer_of_a_processor(roomy, run_gateway, shared_upstream, upstream):
    """A processor may answer with 10 MB, and all of it goes out."""
    server, listener = roomy
    one = processor("big", modifier=True, required=True, output_fields_write=["outbound_payload"])
    gateway = run_gateway([router("/service/", shared_upstream.url)], server=server, request={"processors": [[one]]})
    body = b'{"text":"%b"}' % (b"x" * 10_000_000)
    listener.scripts["processor.big"] = lambda _: b'{"outbound_payload":%b}' % body
    reply = gateway.call("POST", "/service/x", {}, b"{}")
    assert reply.status == 200
    assert upstream.asked().body == body
    assert listener.record(reply.transaction)["request"]["outbound_payload"]["size"] == len(body)


def test_required_processor(run_gateway, shared_upstream, upstream, bus):
    """A required processor that nobody runs: 500, nothing is called; a log filter leaves fields out."""
    gateway = run_gateway(
        [router("/service/", shared_upstream.url)],
        request={"processors": [[processor("needed", required=True, timeout=2000)]]},
        logger={"request": {"fields_exclude": ["ingress_payload"]}, "response": {"fields_include": ["egress_payload"]}},
    )
    bus.scripts["processor.needed"] = lambda _: b""
    reply = gateway.call("POST", "/service/x", {}, b'{"a":1}')
    assert (reply.status, reply.json()) == (500, {"error": "internal server error"})
    assert upstream.seen == []
    record = bus.record(reply.transaction)
    assert "ingress_payload" not in record["request"]
    assert set(record["response"]) == {"egress_payload"}


def test_log_unauthorized(run_gateway, shared_upstream, upstream, bus):
    """With `log_unauthorized` a refused call is recorded, its keys masked."""
    routers = [router("/locked/", shared_upstream.url, required={"Api-Key": ["right-key"]})]
    gateway = run_gateway(routers, log_unauthorized=True)
    reply = gateway.call("POST", "/locked/x", {"Api-Key": "wrong-key"}, b'{"a":1}')
    assert reply.status == 401
    record = bus.record(reply.transaction)
    assert record["request"]["ingress_headers"]["Api-Key"] == ["*****MASKED*****"]
    assert record["response"]["egress_status_code"] == 401


# -------------------------------------------------------------------- reload


def hold(upstream):
    """The target holds `/held` back until the returned event is set; other calls are answered."""
    release = threading.Event()

    def behaviour(talk):
        if talk.request.target.startswith("/held"):
            release.wait(DEADLINE)
        talk.reply(talk.request.target.encode())

    upstream.behaviour = behaviour
    return release


@pytest.fixture
def fresh(run_gateway, shared_upstream):
    """A gateway that a test may change."""
    gateway = run_gateway([router("/service/", shared_upstream.url)])
    yield gateway
    gateway.close()


def test_reload_router(fresh, upstream, bus):
    """New routers are in force at once; a call in flight finishes on the old config, and its connection stays."""
    release = hold(upstream)
    with fresh.client() as held, fresh.client() as kept:
        held.ask("GET", "/service/held")
        upstream.asked()
        kept.ask("GET", "/service/x").reply()
        fresh.reload(fresh.values | {"routers": [router("/new/", upstream.url)]})
        assert kept.ask("GET", "/new/x").reply().status == 200
        assert kept.ask("GET", "/service/x").reply().status == 404
        release.set()
        assert held.reply().body == b"/held"
        assert held.ask("GET", "/new/y").reply().status == 200


def test_reload_under_traffic(fresh, upstream):
    """Of many calls while configs change, none is lost."""
    failures, stop = [], threading.Event()

    def traffic():
        with fresh.client() as client:
            while not stop.is_set():
                reply = client.ask("POST", "/service/x", {}, b"{}").reply()
                if reply.status != 200:
                    failures.append(reply)

    threads = [threading.Thread(target=traffic) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(5):
        fresh.reload(
            fresh.values | {"routers": [router("/service/", upstream.url), router(f"/r{number}/", upstream.url)]}
        )
    stop.set()
    for thread in threads:
        thread.join(DEADLINE)
    assert failures == []


def test_reload_port(fresh, upstream):
    """A new port is open when the config is in force; the old one is closed, its calls in flight finish."""
    release = hold(upstream)
    old = fresh.values
    with fresh.client() as held, fresh.client() as idle:
        idle.ask("GET", "/service/x").reply()
        held.ask("GET", "/service/held")
        upstream.asked(2)
        fresh.reload(old | {"gl_port": free_port()})
        assert fresh.call("GET", "/service/x").status == 200
        with pytest.raises(ConnectionError):
            Gateway.client(type("Old", (), {"port": old["gl_port"]})())
        assert idle.ended()
        release.set()
        assert held.reply().status == 200


def test_reload_taken_port(fresh, upstream, gateway):
    """A port that someone else has: the old config stays in force, whole."""
    before = fresh.values
    fresh.reload(before | {"gl_port": gateway.port, "routers": [router("/new/", upstream.url)]}, taken=False)
    assert fresh.call("GET", "/service/x").status == 200
    assert fresh.call("GET", "/new/x").status == 404


@pytest.mark.parametrize("wrong", ["{", "", '{"gateway_id": 3}', "[]", "null"])
def test_reload_bad_config(fresh, upstream, wrong):
    """A bad file is refused, the old config stays in force, and the checksum file names it."""
    sign = fresh.process.checksum
    fresh.file.write_text(wrong)
    fresh.process.hang_up()
    until(lambda: "config not taken" in fresh.process.messages(), "the refusal")
    assert fresh.call("GET", "/service/x").status == 200
    assert fresh.process.checksum == sign


def test_start_without_a_bus(tmp_path, bus_server, upstream):
    """Until gl can serve, clients are refused: they are not left waiting."""
    values = config_of(f"127.0.0.1:{free_port()}", [router("/service/", upstream.url)])
    gateway = Gateway(tmp_path, bus_server, values)
    try:
        gateway.process.wait_for_log("waiting for the bus")
        with pytest.raises(ConnectionRefusedError):
            gateway.client()
    finally:
        gateway.close()


def test_reload_bus_that_is_not_there(fresh, upstream, bus):
    """Another bus has to prove itself: one that is not there is refused, and the old one continues."""
    change = fresh.values["service_bus"] | {"hostname": f"127.0.0.1:{free_port()}"}
    fresh.reload(fresh.values | {"service_bus": change}, taken=False)
    reply = fresh.call("GET", "/service/x")
    assert bus.record(reply.transaction)


def test_reload_wrong_token(fresh, upstream, bus):
    """A token that the bus refuses is a bad config, not the end of the gateway."""
    change = fresh.values["service_bus"] | {"token": "wrong-token"}
    fresh.reload(fresh.values | {"service_bus": change}, taken=False)
    reply = fresh.call("GET", "/service/x")
    assert bus.record(reply.transaction)


def test_reload_other_bus(fresh, upstream, roomy):
    """Records go to the new bus from then on."""
    server, listener = roomy
    change = {"hostname": server.hostname, "token": server.token, "topic_exact_logger": "coburn.gl.logger"}
    fresh.reload(fresh.values | {"service_bus": fresh.values["service_bus"] | change})
    reply = fresh.call("GET", "/service/x")
    assert listener.record(reply.transaction)


def test_reload_other_bus_during_a_call(run_gateway, shared_upstream, upstream, bus, roomy):
    """A call that has begun asks its processors on the bus that it began with, however long it takes."""
    server, listener = roomy
    last = processor("last", output_fields_write=["seen"])
    routers = [router("/service/", shared_upstream.url)]
    gateway = run_gateway(routers, response={"processors": [[last]]}, shutdown_timeout_ms=0)
    bus.scripts["processor.last"] = says(seen=True)
    release = hold(upstream)
    with gateway.client() as held:
        held.ask("GET", "/service/held")
        upstream.asked()
        change = gateway.values["service_bus"] | {"hostname": server.hostname, "token": server.token}
        gateway.reload(gateway.values | {"service_bus": change})
        time.sleep(1.5)  # longer than what is left to records of calls that have ended
        release.set()
        record = listener.record(held.reply().transaction)
    assert record["response"]["seen"] is True


def test_reload_limits(fresh, upstream):
    """New limits hold for connections that stand already."""
    with fresh.client() as client:
        assert client.ask("POST", "/service/x", {}, b"x" * 50).reply().status == 200
        fresh.reload(fresh.values | {"limits": {"request_body_bytes": 10}})
        assert client.ask("POST", "/service/x", {}, b"x" * 50).reply().status == 413


def test_refused_reload_leaves_nothing(run_gateway, shared_upstream, upstream, tls_files, tmp_path):
    """No connection to a bus, no socket, and calls that began meanwhile end well."""
    certificate, private_key = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.write_bytes(tls_files.certificate.read_bytes())
    private_key.write_bytes(tls_files.private_key.read_bytes())
    ingress = {"enabled": True, "certificate_file": str(certificate), "private_key_file": str(private_key)}
    gateway = run_gateway([router("/service/", shared_upstream.url)], tls={"ingress": ingress, "outbound": {}})
    context = ssl.create_default_context(cafile=str(tls_files.authority))
    open_files = Path(f"/proc/{gateway.process.pid}/fd")
    before = len(list(open_files.iterdir()))
    release = hold(upstream)
    with gateway.client(tls=context) as held:
        held.ask("GET", "/service/held")
        upstream.asked()
        certificate.write_text("no certificate")
        for number in range(3):
            bus = gateway.values["service_bus"] | {"topic": f"coburn.gl.other{number}"}
            gateway.reload(gateway.values | {"service_bus": bus}, taken=False)
            elsewhere = ingress | {"certificate_file": str(tls_files.certificate)}
            away = gateway.values["service_bus"] | {"hostname": f"127.0.0.1:{free_port()}", "token": f"other{number}"}
            tls = {"ingress": elsewhere | {"private_key_file": str(tls_files.private_key)}, "outbound": {}}
            if not number:
                gateway.reload(gateway.values | {"tls": tls, "service_bus": away}, taken=False)
        release.set()
        assert held.reply().status == 200
    until(lambda: len(list(open_files.iterdir())) <= before + 2, "the end of what was opened")


def test_size_of_a_body_that_is_not_sent(run_gateway, shared_upstream, upstream):
    """HEAD and 304 tell the size of the body that GET would have, also if answers are held back for a processor."""
    holding = {"processors": [[processor("nobody", timeout=50)]]}
    gateway = run_gateway([router("/service/", shared_upstream.url)], response=holding)
    upstream.behaviour = lambda talk: talk.head("Content-Length: 12345")
    assert gateway.call("HEAD", "/service/x").value("Content-Length") == "12345"
    upstream.behaviour = lambda talk: talk.head("Content-Length: 12345", status=304)
    with gateway.client() as client:
        reply = client.ask("GET", "/service/x").reply(to_head=True)
        assert (reply.status, reply.value("Content-Length")) == (304, "12345")
        upstream.behaviour = lambda talk: talk.reply(b"")
        assert client.ask("GET", "/service/x").reply().body == b""


def test_not_modified_that_becomes_another_status(run_gateway, shared_upstream, upstream, bus):
    """The size that a 304 told is not that of the reply."""
    last = processor("last", modifier=True, output_fields_write=["egress_status_code"])
    gateway = run_gateway([router("/service/", shared_upstream.url)], response={"processors": [[last]]})
    bus.scripts["processor.last"] = says(egress_status_code=200)
    upstream.behaviour = lambda talk: talk.head("Content-Length: 12345", status=304)
    reply = gateway.call("GET", "/service/x")
    assert (reply.status, reply.value("Content-Length")) == (200, "0")


# -------------------------------------------------------------------- TLS of clients


def test_ingress_tls(run_gateway, shared_upstream, upstream, tls_files, tmp_path):
    """Clients speak TLS with the certificate of the config; a renewed one is used after a reload."""
    certificate, private_key = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.write_bytes(tls_files.certificate.read_bytes())
    private_key.write_bytes(tls_files.private_key.read_bytes())
    tls = {
        "ingress": {"enabled": True, "certificate_file": str(certificate), "private_key_file": str(private_key)},
        "outbound": {},
    }
    gateway = run_gateway([router("/service/", shared_upstream.url)], tls=tls)
    context = ssl.create_default_context(cafile=str(tls_files.authority))

    def serial(client):
        return client._socket.getpeercert()["serialNumber"]

    release = hold(upstream)
    with gateway.client(tls=context) as held:
        held.ask("POST", "/service/held", {}, b"x" * 100_000)
        upstream.asked()
        first = serial(held)
        new_certificate, new_key = tls_files.issue("renewed")
        certificate.write_bytes(Path(new_certificate).read_bytes())
        private_key.write_bytes(Path(new_key).read_bytes())
        gateway.reload(gateway.values)
        with gateway.client(tls=context) as client:
            assert client.ask("GET", "/service/x").reply().status == 200
            assert serial(client) != first
        release.set()
        assert held.reply().status == 200
    with gateway.client() as plain:
        assert b"200" not in plain.send(b"GET /service/x HTTP/1.1\r\nHost: g\r\n\r\n").rest()
    stranger = ssl.create_default_context(cafile=str(tls_files.stranger))
    with pytest.raises(ssl.SSLError):
        gateway.client(tls=stranger)
    with gateway.client(tls=context) as client:
        assert client.ask("GET", "/service/x").reply().status == 200


# -------------------------------------------------------------------- the end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_end_drains(fresh, upstream, bus, number):
    """Told to stop: nobody new is served, the call in flight is answered and recorded, idle connections end, code 0."""
    release = hold(upstream)
    with fresh.client() as held, fresh.client() as idle:
        idle.ask("GET", "/service/x").reply()
        held.ask("GET", "/service/held")
        upstream.asked(2)
        fresh.process.signal(number)
        assert idle.ended()
        with pytest.raises(ConnectionError):
            fresh.client()
        assert fresh.process.checksum is None
        release.set()
        reply = held.reply()
        assert (reply.status, reply.value("Connection")) == (200, "close")
    assert fresh.process.wait() == 0
    assert bus.record(reply.transaction)["response"]["egress_status_code"] == 200


def test_end_does_not_wait_for_ever(run_gateway, shared_upstream, upstream, bus):
    """A call that does not end in the time to shut down is broken off, and recorded."""
    gateway = run_gateway([router("/service/", shared_upstream.url)], shutdown_timeout_ms=300)
    release = hold(upstream)
    with gateway.client() as held:
        held.ask("GET", "/service/held-for-ever")
        upstream.asked()
        assert gateway.process.stop() == 0
        assert held.ended()
    release.set()
    (error,) = bus.of_path("held-for-ever")["response"]["error"]
    assert error["details"] == "the gateway stopped before the end of the reply"


def test_end_during_asynchronous_processors(run_gateway, shared_upstream, upstream, bus):
    """A record whose asynchronous processors do not answer in time is published without them."""
    late = processor("never", **{"async": True, "timeout": 60_000})
    gateway = run_gateway(
        [router("/service/", shared_upstream.url)], request={"processors": [[late]]}, shutdown_timeout_ms=300
    )
    reply = gateway.call("GET", "/service/x")
    bus.message_on("processor.never")
    assert gateway.process.stop() == 0
    assert bus.record(reply.transaction)


def test_stream_is_finished_at_the_end(fresh, upstream, bus):
    """A stream under way continues to its end while the gateway drains."""
    release = threading.Event()

    def behaviour(talk):
        talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        talk.chunk(b"data: 1\n\n")
        release.wait(DEADLINE)
        talk.chunk(b"data: 2\n\n")
        talk.chunk(b"")

    upstream.behaviour = behaviour
    with fresh.client() as client:
        head = client.ask("GET", "/service/x").head()
        assert client.chunk() == b"data: 1\n\n"
        fresh.process.signal(signal.SIGTERM)
        fresh.process.wait_for_log("stopping")
        release.set()
        assert client.chunk() == b"data: 2\n\n"
        assert client.chunk() == b""
        assert client.ended()
    assert fresh.process.wait() == 0
    assert bus.record(head.transaction)["response"]["inbound_stream"]["completed"] is True


# -------------------------------------------------------------------- the bus


def test_bus_away(tmp_path, shared_upstream, upstream):
    """While the bus is away calls continue; their records are published when it is back."""
    server = NatsServer(tmp_path / "bus", jetstream=True)
    server.start()
    one = processor("asked", timeout=300)
    values = config_of(server.hostname, [router("/service/", shared_upstream.url)], request={"processors": [[one]]})
    gateway = Gateway(tmp_path / "gl", server, values).ready()
    listener = Listener(server)
    try:
        listener.scripts["processor.asked"] = lambda _: b""
        assert listener.record(gateway.call("GET", "/service/x").transaction)
        server.kill()
        replies = [gateway.call("GET", "/service/x") for _ in range(5)]
        assert [reply.status for reply in replies] == [200] * 5
        gateway.process.signal(signal.SIGSTOP)  # who listens plainly has to be there before the records come
        server.start()
        listener.again()
        gateway.process.signal(signal.SIGCONT)
        for reply in replies:
            record = listener.record(reply.transaction)
            assert [error["name"] for error in record["request"]["error"]] == ["asked"]
        assert listener.record(gateway.call("GET", "/service/x").transaction)
        assert gateway.process.is_running
    finally:
        gateway.close()
        listener.stop()
        server.kill()


def test_killed_after_the_reply(tmp_path, shared_upstream, upstream):
    """A gateway that is killed after a reply: the next one publishes the record, and says that it was recovered."""
    server = NatsServer(tmp_path / "bus", jetstream=True)
    server.start()
    late = processor("never", **{"async": True, "timeout": 60_000})
    values = config_of(server.hostname, [router("/service/", shared_upstream.url)], request={"processors": [[late]]})
    listener = Listener(server)
    gateway = Gateway(tmp_path / "gl", server, values).ready()
    try:
        reply = gateway.call("POST", "/service/x", {"Api-Key": "canary-key"}, b'{"a":1}')
        listener.message_on("processor.never")
        gateway.process.kill()
        gateway.close()
        assert not listener.records
        gateway = Gateway(tmp_path / "gl", server, values).ready()
        record = listener.record(reply.transaction)
        assert record["response"]["egress_payload"] == {"ok": True}
        assert "recovered" in [error["name"] for error in record["error"]]
    finally:
        gateway.close()
        listener.stop()
        server.kill()
