"""Processors by other authors, in their languages and with their habits, with a real gateway."""

import json
import sys
from pathlib import Path

import pytest

from tests.processors.foreign.go_tool import MODULES, build
from tests.processors.rig import entry, start_stack
from tests.support.nats_server import NatsServer

HABITS = Path(__file__).with_name("habits.py")
ANNOTATORS = (
    "plain",
    "empty",
    "braces",
    "array",
    "text",
    "null",
    "garbage",
    "nulls",
    "echo",
    "echo_more",
    "spaced",
    "escaped",
    "twice",
    "control",
)
PAYLOAD = {"model": "m", "n": [1, 2.5, None], "text": "é <b>"}


def annotator(name, **more):
    return entry(name, output_fields_write=[name, "ingress_payload", "gl_path"]) | more


def config():
    """Return the entries of all habits: one row of annotators and one modifier for requests, two rows for responses."""
    changing = entry("change", modifier=True, output_fields_write=["outbound_payload"])
    signing = entry("sign", modifier=True, output_fields_write=["egress_payload", "egress_headers"])
    judging = entry("judge", output_fields_write=["judge"], **{"async": True})
    return {
        "request": {"processors": [[annotator(name) for name in ANNOTATORS], [changing]]},
        "response": {"processors": [[signing], [judging]]},
    }


@pytest.fixture(scope="module", params=["python", "go"])
def stack(request, tmp_path_factory):
    """Start a stack with all habits in one language."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "python":
        command = [sys.executable, HABITS]
    else:
        command = [build((MODULES / "main.go").read_text("utf-8"), folder / "go")]
    server = NatsServer(folder / "nats", jetstream=False)
    server.start()
    try:
        with start_stack(folder, server, **config()) as one:
            one.run(*command, listens="")
            one.answers("coburn.gl.judge", b'{"inbound_status_code": 0}')
            yield one
    finally:
        server.kill()


@pytest.fixture(scope="module")
def call(stack):
    """Make one call, and return its reply and record."""
    reply = stack.post("/service/v1/chat", PAYLOAD)
    return reply, stack.record(reply)


def completed(half, where="processors"):
    return {run["name"]: run["details"]["completed"] for run in half[where]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("plain", {"model": "m"}),
        ("nulls", None),
        ("echo_more", True),
        ("spaced", [1, 2]),
        ("escaped", "é <b>"),
        ("twice", 2),
    ],
)
def test_what_was_written(call, field, value):
    """A field that an annotator adds is in the record, however its JSON was written. null is a value."""
    _, record = call
    assert record["request"][field] == value
    assert completed(record["request"])[field] is True


@pytest.mark.parametrize("habit", ["empty", "braces", "control", "null"])
def test_nothing(call, habit):
    """An empty reply, {} and null add nothing, and are not errors."""
    _, record = call
    assert habit not in record["request"]
    assert completed(record["request"])[habit] is False
    assert habit not in faults(record["request"])


@pytest.mark.parametrize("habit", ["array", "text", "garbage"])
def test_no_object(call, habit):
    """A reply that is not a JSON object is noted under the processor's name."""
    _, record = call
    assert habit not in record["request"]
    assert completed(record["request"])[habit] is False
    assert habit in faults(record["request"])


def faults(half):
    return {fault["name"] for fault in half.get("error", [])}


def test_the_whole_message_back(call):
    """It changes nothing, because an annotator does not replace fields."""
    _, record = call
    assert completed(record["request"])["echo"] is True
    assert "echo" not in record["request"]
    assert record["request"]["ingress_payload"] == PAYLOAD
    assert record["request"]["gl_path"] == "/service/"


def test_faults_are_those(call):
    """Nothing else is noted."""
    _, record = call
    assert faults(record["request"]) == {"array", "text", "garbage"}
    assert faults(record["response"]) == set()


def test_the_changed_request(stack, call):
    """The upstream gets what a modifier changed in the message that it sends back whole."""
    _, record = call
    assert json.loads(stack.upstream.asked().body) == PAYLOAD | {"changed": True}
    assert record["request"]["outbound_payload"] == PAYLOAD | {"changed": True}
    assert record["request"]["ingress_payload"] == PAYLOAD


def test_the_changed_answer(call):
    """The client gets what a modifier wrote."""
    reply, record = call
    assert reply.status == 200
    assert reply.json() == {"signed": {"ok": True}}
    assert reply.value("X-Signed") == "someone"
    assert record["response"]["egress_payload"] == {"signed": {"ok": True}}
    assert record["response"]["inbound_payload"] == {"ok": True}


def test_after_the_reply(call):
    """An asynchronous processor writes into the record."""
    _, record = call
    assert record["response"]["judge"] is True
    assert completed(record["response"], "processors_async") == {"judge": True}


@pytest.mark.parametrize(("path", "control"), [("blocked/v1", "blocked by someone"), ("nothing/v1", None)])
def test_control(stack, path, control):
    """A string or null in `control` is the response, and the upstream is not called."""
    before = len(stack.upstream.seen)
    reply = stack.post(f"/service/{path}", PAYLOAD)
    assert (reply.status, reply.json()) == (200, {"signed": control})
    record = stack.record(reply)
    assert record["request"]["control"] == control
    assert "control" in record["request"]
    assert record["response"]["inbound_payload"] == control
    assert len(stack.upstream.seen) == before
