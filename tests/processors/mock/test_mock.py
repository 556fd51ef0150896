"""mock alone, and as a program with a real gateway."""

import json
import re
import statistics
from pathlib import Path

import pytest

from gecholog.testing import ask
from processors.mock.mock import delay, processor_with, rate_of
from tests.processors.rig import start_stack

FOLDER = Path(__file__).parents[3] / "processors" / "mock"


@pytest.fixture
def mock():
    return processor_with(0)


def response(path, payload, headers=None, status=200):
    return {"gl_path": path, "egress_payload": payload, "egress_headers": headers or {}, "egress_status_code": status}


def given_back(payload, headers=None, status=200):
    return {"egress_payload": payload, "egress_headers": headers or {}, "egress_status_code": status}


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"gl_path": "/mock/", "ingress_subpath": "service/v1"}, {"control": "/service/v1"}),
        ({"gl_path": "/mock/", "ingress_subpath": ""}, {}),
        ({"gl_path": "/service/", "ingress_subpath": "v1"}, {}),
        ({"gl_path": "/mock/"}, {}),
        ({"ingress_subpath": "service/v1"}, {}),
        ({"gl_path": None, "ingress_subpath": None}, {}),
    ],
)
def test_requests(mock, fields, answer):
    """Only a request below the mock router is not forwarded."""
    assert ask(mock, fields) == answer


def test_the_last_response_of_a_router(mock):
    """A stored response is returned with its headers and status, each time."""
    assert ask(mock, response("/service/", {"n": 1})) == {}
    assert ask(mock, response("/service/", {"n": 2}, {"X": ["y"]}, 429)) == {}
    for _ in range(3):
        answer = ask(mock, response("/mock/", "/service/v1/chat"))
        assert answer == given_back({"n": 2}, {"X": ["y"]}, 429)


def test_routers_are_kept_apart(mock):
    """The longest stored router applies."""
    for path in ("/service/", "/", "/service/standard/", "/other/"):
        ask(mock, response(path, path))
    for asked, path in {
        "/service/v1": "/service/",
        "/service/standard/v1": "/service/standard/",
        "/other/": "/other/",
        "/unknown/v1": "/",
    }.items():
        assert ask(mock, response("/mock/", asked)) == given_back(path)


@pytest.mark.parametrize("asked", ["/unknown/v1", "", None, 1, {"a": 1}, "service/v1"])
def test_what_is_not_remembered(mock, asked):
    """Without a stored response there is none to return. Responses of the mock router are never stored."""
    ask(mock, response("/service/", {"n": 1}))
    assert ask(mock, response("/mock/", asked)) == {}


@pytest.mark.parametrize("missing", ["egress_payload", "egress_headers", "gl_path"])
def test_a_response_that_is_not_whole(mock, missing):
    """Without path, payload or headers nothing is stored."""
    fields = response("/service/", 1)
    del fields[missing]
    assert ask(mock, fields) == {}
    assert ask(mock, response("/mock/", "/service/v1")) == {}


def test_without_a_status(mock):
    """If the config does not send the status, it is not written."""
    fields = response("/service/", 1)
    del fields["egress_status_code"]
    ask(mock, fields)
    assert ask(mock, response("/mock/", "/service/v1")) == {"egress_payload": 1, "egress_headers": {}}


@pytest.mark.parametrize(("text", "rate"), [("", 0), ("0", 0), ("0.2", 0.2), ("-1", -1), ("1e3", 1000)])
def test_rate(text, rate):
    """LAMBDA is a number, and 0 if unset."""
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["fast", "nan", "inf", "1,5"])
def test_what_is_no_rate(text):
    """Anything else is refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - the message is Python's
        rate_of(text)


@pytest.mark.parametrize("rate", [0, -1, -0.0])
def test_no_delay(rate):
    """Without a rate there is no delay."""
    assert delay(rate) == 0


@pytest.mark.parametrize("rate", [0.2, 1, 50])
def test_delay(rate):
    """The delay is 100/rate ms on average, with the same deviation (an exponential distribution)."""
    drawn = [delay(rate) for _ in range(20_000)]
    assert min(drawn) >= 0
    assert statistics.mean(drawn) == pytest.approx(0.1 / rate, rel=0.1)
    assert statistics.stdev(drawn) == pytest.approx(0.1 / rate, rel=0.15)


def test_the_entries_of_the_readme():
    """The values are those of the example."""
    block = re.search(r"^```json\n(.*?)^```$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    shown = json.loads(block[1])
    values = json.loads((FOLDER / "gl_config.json").read_text("utf-8"))
    assert (shown["request"], shown["response"]) == (values["request"], values["response"])
    assert shown["routers"][0] in values["routers"]


def test_beside_a_gateway(tmp_path, plain_nats_server):
    """With the example's config calls below /mock/ are not forwarded, and get the last stored response."""
    with start_stack(tmp_path, plain_nats_server, FOLDER / "gl_config.json") as stack:
        stack.run_module("processors.mock", LAMBDA="500")
        reply = stack.post("/mock/dummy/v1", {"n": 0})
        assert (reply.status, reply.json()) == (200, "/dummy/v1")
        stack.upstream.behaviour = lambda talk: talk.reply(b'{"n": 1}', 201, "X-Own: value", "Set-Cookie: secret=1")
        first = stack.post("/dummy/v1/chat", {"n": 1})
        assert (first.status, first.json(), first.value("X-Own")) == (201, {"n": 1}, "value")
        for _ in range(3):
            again = stack.post("/mock/dummy/v1/chat", {"n": 2})
            assert (again.status, again.json(), again.value("X-Own")) == (201, {"n": 1}, "value")
            assert again.value("Content-Type") == "application/json"
            assert again.transaction != first.transaction
            assert not any("MASKED" in value for value in again.values("Set-Cookie"))
            record = stack.record(again)
            assert record["request"]["control"] == "/dummy/v1/chat"
            assert record["response"]["egress_status_code"] == 201
        assert len(stack.upstream.seen) == 1


def test_wrong_lambda(tmp_path, plain_nats_server):
    """A LAMBDA that is not a number: exit code 2, and a message."""
    with start_stack(tmp_path, plain_nats_server) as stack:
        process = stack.run_module("processors.mock", LAMBDA="fast", listens="")
        assert process.wait() == 2
        assert process.output == "mock: LAMBDA must be a number\n"
