"""What answers a request: a pipeline, or gl itself."""

import json

import pytest

from services.gl.dispatch import dispatch, reply_to_unreadable, route
from services.gl.errors import Refusal
from services.gl.generation import Generation
from services.gl.metrics.call_metrics import CallMetrics
from services.gl.routing.routers import Router, Table, parse_target
from tests.services.gl.rig.gateway import router
from tests.services.gl.rig.stage import built


def table(*names):
    target = parse_target("http://target", "", {})
    return Table([Router(name, {}, target) for name in names])


@pytest.mark.parametrize(
    ("path", "status"), [("/a/b", 400), ("/a", 400), ("", 404), ("/x", 404), ("/a/../b", 400), ("/a%2e", 404)]
)
def test_no_route(path, status):
    """A router's path without its last slash is refused, even where a shorter path would take it."""
    with pytest.raises(Refusal) as caught:
        route(table("/a/", "/a/b/"), path)
    assert caught.value.status == status


class FakeExchange:
    """A request without a body; keeps what it is answered."""

    def __init__(self, method, path, headers=None):
        self.method, self.path, self.headers = method, path, headers or {}
        self.answered = b""

    def start(self, status, fields, length):
        self.status, self.fields, self.length = status, fields, length

    def write(self, piece):
        self.answered += piece

    def finish(self):
        assert self.length == len(self.answered)


class Refused(list):
    """The part of a call's dependencies that is told of requests without a record."""

    def __init__(self):
        self.metrics = CallMetrics()

    def observe_unrecorded(self, path, status):
        self.append((path, status))


async def answered(exchange, *routers, is_stopping=False, **more):
    refused = Refused()
    generation = Generation(built(list(routers) or None, **more), refused, None, None)
    await dispatch(exchange, generation, is_stopping=is_stopping)
    return exchange.status, exchange.answered, refused


@pytest.mark.parametrize(
    ("is_stopping", "expected"), [(False, (200, b'{"status":"ok"}')), (True, (503, b'{"status":"stopping"}'))]
)
async def test_health_check(is_stopping, expected):
    assert await answered(FakeExchange("GET", "/healthz"), is_stopping=is_stopping) == (*expected, [])


async def test_the_path_of_a_health_check_may_be_a_routers():
    status, _, refused = await answered(FakeExchange("GET", "/healthz"), router("/healthz/", "http://target"))
    assert (status, refused) == (400, [("/healthz", 400)])


async def test_a_request_of_no_router_is_refused_without_a_record():
    status, body, refused = await answered(FakeExchange("POST", "/nowhere"), errors="openai")
    assert (status, refused) == (404, [("/nowhere", 404)])
    assert json.loads(body)["error"]["code"] == "no_router"


async def test_a_preflight_is_answered_here():
    came = {"Origin": ["https://page"], "Access-Control-Request-Method": ["POST"]}
    allowing = router("/a/", "http://target")
    allowing["ingress"]["cors"] = {"allow_origins": ["https://page"]}
    exchange = FakeExchange("OPTIONS", "/a/b", came)
    assert await answered(exchange, allowing) == (204, b"", [])
    assert exchange.fields["Access-Control-Allow-Origin"] == ["https://page"]


@pytest.mark.parametrize(("path", "shown"), [("/own/x", {"message": "bad"}), ("/service/x", "bad"), ("", "bad")])
def test_unreadable_requests_are_refused_in_the_format_of_their_router(path, shown):
    own = router("/own/", "http://target") | {"errors": "anthropic"}
    config = built([own, router("/service/", "http://target")])
    error = json.loads(reply_to_unreadable(Refusal(400, "bad"), path, {}, config).body)["error"]
    assert error == shown if isinstance(shown, str) else error.items() >= shown.items()
