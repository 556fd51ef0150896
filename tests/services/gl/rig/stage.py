"""Hand-written fakes for what a stage is given: a request, a way back, a response, the bus, a target."""

import asyncio
import json
from typing import Any

from gecholog import headers
from gecholog.config import ParsedConfig
from gecholog.session import Ids
from services.gl.attempt.attempt import Attempt
from services.gl.call import Call
from services.gl.candidates.candidate import Candidate
from services.gl.config import Config, build
from services.gl.dependencies import Dependencies
from services.gl.errors import Refusal, UpstreamError
from services.gl.http import Disconnected, UpstreamRequest
from services.gl.record.delivery.backpressure import Backpressure
from services.gl.sending.preparation import prepare
from services.gl.stages import attempts, ingress
from services.gl.status import Status
from tests.services.gl.rig.gateway import config_of, router


class FakeRequest:
    """A request that is there already; `gone` means that its body never comes."""

    def __init__(self, method="POST", path="/service/x", query="", lines=(), body=b"", client="192.0.2.7", gone=False):
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers.collect(lines)
        self.client = client
        self._body = body
        self._gone = gone

    async def body(self, limit: int) -> bytes:
        if self._gone:
            raise Disconnected
        if len(self._body) > limit:
            raise Refusal(413, "too large")
        return self._body


class FakeResponder:
    """The way back: remembers what happened, in order. `leaves_after` bytes the client is gone."""

    lost = True  # of a call that is cancelled: the client has left

    def __init__(self, leaves_after: int | None = None):
        self.events: list[Any] = []
        self.body = b""
        self._leaves_after = leaves_after

    @property
    def started(self):
        """Whether anything of a reply has left."""
        return "write" in self.names() or "finish" in self.names()

    @property
    def status(self):
        return next(event[1] for event in self.events if event[0] == "start")

    @property
    def headers(self):
        return next(event[2] for event in self.events if event[0] == "start")

    def names(self):
        return [event[0] for event in self.events]

    def start(self, status, headers, length):
        self.events.append(("start", status, headers, length))

    def flush(self):
        pass

    async def write(self, piece):
        if self._leaves_after is not None and len(self.body) + len(piece) > self._leaves_after:
            raise Disconnected
        self.body += piece
        self.events.append(("write", piece))

    def finish(self):
        self.events.append(("finish",))

    def abort(self):
        self.events.append(("abort",))


class FakeResponse:
    """The response of an upstream. A piece that is an exception is raised instead."""

    def __init__(self, status=200, lines=((b"Content-Type", b"application/json"),), pieces=(b'{"ok":true}',)):
        self.status = status
        self.headers = headers.collect(lines)
        self.abandoned = False
        self._pieces = list(pieces)
        self.length = None if any(isinstance(piece, Exception) for piece in pieces) else sum(map(len, pieces))

    def ready(self):
        return None  # `read` has it

    async def read(self, _=None):
        piece = self._pieces.pop(0) if self._pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece

    def unread(self, data):
        self._pieces.insert(0, data)

    def abandon(self):
        self.abandoned = True


class FakeUpstreams:
    """All upstreams in one: returns `response`, or raises it if it is an UpstreamError."""

    def __init__(self, response=None):
        self.response = response or FakeResponse()
        self.sent = []

    async def send(self, outbound):
        self.sent.append(outbound)
        if isinstance(self.response, UpstreamError):
            raise self.response
        return self.response

    def retire(self):
        """Nothing stands open."""


class FakeBus:
    """Processors by subject: a dict is answered, bytes too, an exception is raised, a function is asked."""

    def __init__(self, max_payload=1024 * 1024, **answers):
        self.max_payload = max_payload
        self.answers = {f"processor.{name}": response for name, response in answers.items()}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def request(self, subject, data, timeout, *, lazily=False):  # noqa: ASYNC109 - the bus's own
        fields = json.loads(data)
        self.asked.append((subject, fields))
        await asyncio.sleep(0)
        response = self.answers[subject]
        if callable(response):
            response = response(fields)
        if isinstance(response, Exception):
            raise response
        return response if isinstance(response, bytes) else json.dumps(response).encode()


def _once_each(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object of a record: no name comes twice."""
    assert len(dict(members)) == len(members), members
    return dict(members)


class FakeRecorder:
    """Remembers the records that it was given, in order with what else happens in `events`."""

    def __init__(self, largest=1024 * 1024, events=None):
        self.largest = largest
        self.accepted: list[tuple[bytes, dict[str, Any]]] = []
        self.published: list[tuple[bytes, dict[str, Any]]] = []
        self.bytes: list[bytes] = []
        self.left: list[bytes] = []
        self.final: bytes | None = None  # the last one that was accepted, if it was final
        self.is_stored = False  # the last one that was published was that
        self._events = events
        self.backpressure = Backpressure()

    def abandon(self, record_id):
        self.left.append(record_id)

    def accept(self, record_id, data, *, is_final=False):
        if self._events is not None:
            self._events.append(("accept",))
        self.accepted.append((record_id, json.loads(data, object_pairs_hook=_once_each)))
        self.final = data if is_final else None

    def publish(self, record_id, data, *, is_stored=False):
        assert not is_stored or self.final is None or data is self.final  # None: another one accepted it
        self.is_stored = is_stored
        self.bytes.append(data)
        self.published.append((record_id, json.loads(data, object_pairs_hook=_once_each)))

    @property
    def record(self):
        """The one record that was published."""
        ((_, fields),) = self.published
        return fields


async def done(waiting):
    """Wait for what a stage returns, if it returns something to wait for."""
    if waiting is not None:
        await waiting


def deps(bus=None, targets=None, records=None, status=None) -> Dependencies:
    return Dependencies(bus or FakeBus(), targets or FakeUpstreams(), records or FakeRecorder(), status or Status())


def built(routers=None, **more) -> Config:
    """A config as `build` makes it."""
    values = config_of(
        "127.0.0.1:4222",
        routers or [router("/service/", "http://target"), router("/other/", "http://other/v2?k=v")],
        **more,
    )
    values["service_bus"]["token"] = "a-token-of-a-test"
    return build(ParsedConfig("test", "0", values))


async def arrived(call: Call, deps: Dependencies) -> None:
    """Read the head of a call's request, and its body."""
    ingress.read_head(call, deps)
    await ingress.read_body(call, deps)


async def begun(call: Call) -> Call:
    """A call whose first attempt is prepared, and not made."""
    attempts.plan(call, deps())
    await done(prepare(call, call.candidates[0]))
    return call


def attempt_at(call, router) -> Attempt:
    """An attempt at the target of a router, of which nothing else matters."""
    request = UpstreamRequest("POST", router, "/x", "", {}, b"")
    return Attempt(Candidate(router), request, call.request_base, "", {})


def call_of(config=None, request=None, responder=None, path="/service/", target_router=None, **more) -> Call:
    """A call that has just come in, or that was sent to the target of a router."""
    config = config or built()
    request = request or FakeRequest()
    chosen = config.routers[path]
    call = Call(config, request, responder or FakeResponder(), chosen, Ids("TST00001_1_1_0", "TST00001_1_1_0"))
    if target_router is not None:
        call.begin(attempt_at(call, target_router))
    for name, value in more.items():
        setattr(call, name, value)
    return call
