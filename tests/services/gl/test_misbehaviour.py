"""Processors that are slow, dead, large, or answer twice: calls continue by the rules, and nothing is left behind.

The bus is a real one; it takes messages of 24 MB, so that a processor can send what it likes.
"""

import gc
import json

import pytest

from tests.services.gl.rig.bus import Listener, says
from tests.services.gl.rig.gateway import processor, resident, router
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

MIB = 1024 * 1024
LARGE = 10_000_000
REQUEST = ["added", "control", "gl_path", "fallback_paths"]


@pytest.fixture(scope="module")
def wide_server(tmp_path_factory):
    """A bus that takes large messages."""
    server = NatsServer(tmp_path_factory.mktemp("wide"), jetstream=True, max_payload=24 * MIB)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def wide_listener(wide_server):
    listener = Listener(wide_server)
    yield listener
    listener.stop()


@pytest.fixture
def wide(wide_listener):
    wide_listener.reset()
    for name in ("hurried", "one", "two", "back_hurried", "back"):
        wide_listener.scripts[f"processor.{name}"] = lambda _: b""
    yield wide_listener
    wide_listener.reset()
    wide_listener.records.clear()
    wide_listener.raw_records.clear()


@pytest.fixture(scope="module")
def patient(run_gateway, shared_upstream, wide_server):
    """A gateway with processors that have little time, and such that have plenty, on both sides."""
    little, plenty = {"timeout": 250}, {"timeout": 20_000}
    back = {"modifier": True, "output_fields_write": ["egress_payload", "egress_headers"]}
    return run_gateway(
        [router("/service/", shared_upstream.url)],
        server=wide_server,
        request={
            "processors": [
                [processor("hurried", output_fields_write=REQUEST, **little)],
                [processor("one", output_fields_write=REQUEST, **plenty)],
                [processor("two", input_fields_include=["added", "ingress_method"], **plenty)],
            ]
        },
        response={"processors": [[processor("back_hurried", **back, **little)], [processor("back", **back, **plenty)]]},
    )


@pytest.fixture(scope="module")
def strict(run_gateway, shared_upstream, wide_server):
    """A gateway that wants its one processor to complete."""
    one = processor("one", required=True, output_fields_write=REQUEST, timeout=2000)
    return run_gateway([router("/service/", shared_upstream.url)], server=wide_server, request={"processors": [[one]]})


def runs(half):
    return {run["name"]: run["details"]["completed"] for run in half.get("processors", [])}


def notes(half):
    return [error["name"] for error in half.get("error", [])]


def call(gateway):
    return gateway.call("POST", "/service/x", {}, b'{"q":1}')


NOTHING = {
    "silent": lambda _: None,
    "garbage": lambda _: b"\0garbage" * 100,
    "large garbage": lambda _: b"x" * LARGE,
    "large and cut off": lambda _: b'{"added":"' + b"x" * LARGE,
    "a list": lambda _: b"[" + b"1," * (LARGE // 2) + b"1]",
    "deep": lambda _: b'{"added":' + b'{"a":' * 200_000,
}


@pytest.mark.parametrize("name", NOTHING)
def test_no_answer_that_counts(patient, upstream, wide, name):
    """No response, or one that is no JSON object, of any size: noted, not completed. The call continues both ways."""
    wide.scripts["processor.hurried"] = wide.scripts["processor.back_hurried"] = NOTHING[name]
    reply = call(patient)
    assert (reply.status, reply.json()) == (200, {"ok": True})
    record = wide.record(reply.transaction)
    assert runs(record["request"]) == {"hurried": False, "one": False, "two": False}
    assert runs(record["response"]) == {"back_hurried": False, "back": False}
    assert (notes(record["request"]), notes(record["response"])) == (["hurried"], ["back_hurried"])


@pytest.mark.parametrize("name", NOTHING)
def test_no_answer_that_counts_of_a_required_processor(strict, upstream, wide, name):
    """The same of a required one: 500, the target is not called, and the next call is served."""
    wide.scripts["processor.one"] = NOTHING[name]
    reply = call(strict)
    assert (reply.status, reply.json()) == (500, {"error": "internal server error"})
    assert upstream.seen == []
    assert notes(wide.record(reply.transaction)["request"]) == ["one"]
    wide.scripts["processor.one"] = says(added=1)
    assert call(strict).status == 200


def test_a_slow_processor_is_not_waited_for(patient, upstream, wide):
    """The reply is there before a processor answers at all; its answers, late and many, get into no call."""
    wide.scripts["processor.hurried"] = lambda _: None
    first = call(patient)
    assert first.status == 200
    wide.answer("processor.hurried", b'{"added":"late","control":{"late":true}}', times=50)
    wide.scripts["processor.one"] = says(added="mine")
    second = call(patient)
    assert second.json() == {"ok": True}
    assert "added" not in wide.record(first.transaction)["request"]
    assert wide.record(second.transaction)["request"]["added"] == "mine"


def test_large_late_answers(patient, upstream, wide):
    """Late answers of 10 MB are dropped."""
    wide.scripts["processor.hurried"] = lambda _: None
    assert call(patient).status == 200
    wide.answer("processor.hurried", b'{"added":"%b"}' % (b"x" * LARGE), times=3)
    wide.scripts["processor.one"] = says(added="mine")
    assert wide.record(call(patient).transaction)["request"]["added"] == "mine"


def test_flood_of_late_answers(patient, upstream, wide):
    """So many that the bus may cut gl off (its `max_pending` is 64 MB): calls continue, and gl finds its way back."""
    wide.scripts["processor.hurried"] = lambda _: None
    assert call(patient).status == 200
    wide.answer("processor.hurried", b'{"added":"%b"}' % (b"x" * LARGE), times=20)
    wide.scripts["processor.one"] = says(added="mine")

    def processed():
        reply = call(patient)
        assert reply.status == 200
        return wide.record(reply.transaction)["request"].get("added") == "mine"

    until(processed, "processors to be asked again")


def test_many_answers(patient, upstream, wide):
    """Of many answers the first counts, in this call and in the next ones."""
    wide.scripts["processor.one"] = lambda _: [b'{"added":%d}' % number for number in range(1000)]
    for _ in range(3):
        reply = call(patient)
        assert wide.record(reply.transaction)["request"]["added"] == 0


def test_nothing_then_something(patient, upstream, wide):
    """An empty answer is a response: what follows it does not count."""
    wide.scripts["processor.one"] = lambda _: [b"", b'{"added":1}', b'{"control":1}']
    reply = call(patient)
    assert reply.json() == {"ok": True}
    assert "added" not in wide.record(reply.transaction)["request"]


def test_large_field(patient, upstream, wide):
    """A field of 10 MB is taken, later processors are given it, and the record fits the bus."""
    wide.scripts["processor.one"] = lambda _: b'{"added":"%b"}' % (b"x" * LARGE)
    reply = call(patient)
    assert reply.status == 200
    assert len(wide.message_on("processor.two")["added"]) == LARGE
    assert len(wide.record(reply.transaction)["request"]["added"]) == LARGE


def test_large_fields_that_do_not_fit_the_record(patient, upstream, wide):
    """A field that the bus takes, but not within a record, is cut in the record alone."""
    size = 24 * MIB - 100
    wide.scripts["processor.one"] = lambda _: b'{"added":"%b"}' % (b"x" * size)
    wide.scripts["processor.back"] = lambda _: b'{"egress_payload":"%b"}' % (b"y" * LARGE)
    reply = call(patient)
    assert reply.body == b'"%b"' % (b"y" * LARGE)
    record = wide.record(reply.transaction)
    assert record["request"]["added"]["size"] == size + 2
    assert record["error"]


def test_large_field_that_may_not_be_written(patient, upstream, wide):
    """10 MB in a field that is not the processor's to write: it completed, and nothing of it is kept."""
    wide.scripts["processor.one"] = lambda _: b'{"unasked":"%b"}' % (b"x" * LARGE)
    reply = call(patient)
    record = wide.record(reply.transaction)
    assert runs(record["request"])["one"] is True
    assert "unasked" not in record["request"]
    assert notes(record["request"]) == []


def test_large_control(patient, upstream, wide):
    """10 MB may be a response to the client."""
    wide.scripts["processor.one"] = lambda _: b'{"control":"%b"}' % (b"x" * LARGE)
    reply = call(patient)
    assert (reply.status, len(reply.body), reply.complete) == (200, LARGE + 2, True)
    assert upstream.seen == []


def test_very_many_fields(patient, upstream, wide):
    """A hundred thousand fields that nobody asked for, and a list of paths as long."""
    names = ",".join(f'"f{number}":{number}' for number in range(100_000))
    paths = json.dumps([f"/p{number}/" for number in range(100_000)])
    wide.scripts["processor.one"] = lambda _: f'{{{names},"fallback_paths":{paths}}}'.encode()
    upstream.behaviour = lambda talk: talk.reply(b"{}", 503)
    reply = call(patient)
    assert reply.status == 503
    assert "f1" not in wide.record(reply.transaction)["request"]


def test_processor_that_dies(patient, upstream, wide_server, wide):
    """A processor that is gone between question and answer is one that does not answer."""
    del wide.scripts["processor.hurried"]
    dying = Listener(wide_server)
    with patient.client() as client:
        client.ask("POST", "/service/x", {}, b'{"q":1}')
        dying.message_on("processor.hurried")
        dying.stop()
        reply = client.reply()
    assert reply.status == 200
    assert notes(wide.record(reply.transaction)["request"]) == ["hurried"]


def test_nobody_listens(run_gateway, shared_upstream, upstream, wide_server, wide):
    """A processor that nobody runs does not even cost its time-out, which here is longer than the test waits."""
    one = {"name": "gone", "service_bus_topic": "nobody.there", "timeout": 600_000}
    gateway = run_gateway(
        [router("/service/", shared_upstream.url)], server=wide_server, request={"processors": [[one]]}
    )
    reply = call(gateway)
    assert reply.status == 200
    assert notes(wide.record(reply.transaction)["request"]) == ["gone"]


@pytest.mark.slow
def test_memory_stays(patient, upstream, wide):
    """Responses of 10 MB, late ones, double ones and garbage, again and again: what they took is given back."""
    sorts = [
        lambda _: b'{"unasked":"%b"}' % (b"x" * LARGE),
        lambda _: [b'{"added":"%b"}' % (b"x" * LARGE)] * 2,
        lambda _: b"x" * LARGE,
        lambda _: None,
    ]

    def round_of_calls():
        for script in sorts:
            wide.scripts["processor.hurried"] = script
            reply = call(patient)
            assert reply.status == 200
            wide.record(reply.transaction)
        wide.answer("processor.hurried", b'{"added":"%b"}' % (b"x" * LARGE))
        for kept in (wide.messages, wide.replies, wide.records, wide.raw_records):
            kept.clear()
        gc.collect()

    for _ in range(4):
        round_of_calls()
    until(lambda: call(patient).status == 200)
    before = resident(patient.process.pid)
    for _ in range(5):
        round_of_calls()
    assert resident(patient.process.pid) < before + 100 * MIB  # 20 answers of 10 MB came meanwhile
