"""Two ways through gl's pipeline, without sockets: without a key, and with a key and limits as in (k) of the benchmark.

The bus, the upstream, the client and the journal are stand-ins. Usage is stored on disk, as in the service.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from bench import payloads
from gecholog.config import check
from gecholog.headers import Headers
from gecholog.keys import KeyEntry, KeySnapshot
from gecholog.keys.credential import digest, new_key
from gecholog.quota.limits import limits_of
from gecholog.session import Ids
from services.gl import pipeline
from services.gl.call import Call
from services.gl.config import Config, build, config_spec
from services.gl.dependencies import Dependencies
from services.gl.quota.mirror import QuotaMirror
from services.gl.record.delivery.backpressure import Backpressure
from services.gl.status import Status

PLAIN, LIMITED = "plain call", "call with a key and limits"
WAYS = (PLAIN, LIMITED)
_ROUTE, _LIMITED_ROUTE = "/service/standard/", "/limited/"
_SIZE = 1024  # bytes of both bodies
_JSON: Headers = {"Content-Type": ["application/json"]}
_LARGE = 10**15  # a limit that is never reached


class _Client:
    """Sends a request, and takes the response."""

    method = "POST"
    query = ""
    client = "127.0.0.1"
    started = False
    lost = False

    def __init__(self, path: str, body: bytes, headers: Headers) -> None:
        self.path = path
        self.headers = {"Host": ["localhost"], **headers, **_JSON, "Content-Length": [str(len(body))]}
        self._body = body

    async def body(self, _limit: int) -> bytes:
        return self._body

    def start(self, status: int, headers: Headers, length: int | None) -> None:
        """Take the head."""

    def flush(self) -> None:
        """Send the head."""

    def write(self, _piece: bytes) -> None:
        self.started = True

    def finish(self) -> None:
        """Take the end."""

    def abort(self) -> None:
        raise AssertionError("a call was broken off")


class _Response:
    """What an upstream answers."""

    status = 200

    def __init__(self, body: bytes) -> None:
        self.headers = {**_JSON, "Content-Length": [str(len(body))], "Server": ["bench"], "X-Request-Id": ["req_1"]}
        self.length: int | None = len(body)
        self._pieces = [b"", body]

    def ready(self) -> bytes:
        return self._pieces.pop()

    async def read(self, _: object = None) -> bytes:
        return self._pieces.pop()

    def unread(self, data: bytes) -> None:
        self._pieces.append(data)

    def abandon(self) -> None:
        """Nothing is left."""


class _Upstream:
    """Answers every request alike."""

    def __init__(self) -> None:
        self._body = payloads.answer(_SIZE)

    async def send(self, _request: object) -> _Response:
        return _Response(self._body)

    def retire(self) -> None:
        """Nothing is open."""


class _Bus:
    """Is never asked."""

    max_payload = 1024 * 1024


class _Recorder:
    """Takes records, and keeps none."""

    largest = 1024 * 1024

    def __init__(self) -> None:
        self.backpressure = Backpressure()

    def accept(self, *_: object, **__: object) -> None:
        """Take a record as it stands."""

    def publish(self, *_: object, **__: object) -> None:
        """Take the final record."""


class Bench:
    """The calls of one way."""

    def __init__(self, config: Config, deps: Dependencies, route: str, headers: Headers) -> None:
        self._config = config
        self._deps = deps
        self._route = route
        self._headers = headers
        self._question = payloads.question(_SIZE)
        self._plan = pipeline.plan_for(config, config.routers[route])

    async def calls(self, count: int) -> None:
        """Make calls."""
        for _ in range(count):
            await self._call()

    async def _call(self) -> None:
        client: Any = _Client(f"{self._route}v1/chat/completions", self._question, self._headers)
        router = self._config.routers[self._route]
        call = Call(self._config, client, client, router, Ids("BENCH001_1_1_0", "BENCH001_1_1_0"))
        await pipeline.run(call, self._deps, self._plan)
        if call.egress is None or call.egress.status != 200:  # noqa: PLR2004 - of success
            raise AssertionError("a call was refused")


def ways_of(conf: Path, folder: Path) -> dict[str, Bench]:
    """All ways, with the config in the folder `conf`. Usage is stored in `folder`."""
    config = _config(conf)
    bus: Any = _Bus()
    records: Any = _Recorder()
    deps = Dependencies(bus, _Upstream(), records, Status())
    mirror = QuotaMirror(folder / "quotas")
    mirror.load(deps.quotas.table, deps.quotas.clock())
    deps.quotas.save = mirror.save
    woken = asyncio.Event()
    deps.quotas.publish = woken.set
    made = new_key()
    limits = limits_of({"quotas": {"rpm": _LARGE}, "budget": {"tokens": _LARGE, "period": "month"}})
    deps.keyring.snapshot = KeySnapshot.of([KeyEntry(made.id, digest(made.text), "bench", limits=limits)])
    deps.keyring.watch_with(lambda: True)
    key = {"Authorization": [f"Bearer {made.text}"]}
    return {PLAIN: Bench(config, deps, _ROUTE, {}), LIMITED: Bench(config, deps, _LIMITED_ROUTE, key)}


def _config(conf: Path) -> Config:
    """The default config without processors, with a router that has limits. Nothing is called at its addresses."""
    file = conf / "gl_config.json"
    values = json.loads(file.read_bytes())
    values |= {"request": {"processors": []}, "response": {"processors": []}}
    standard = next(router for router in values["routers"] if router["path"] == _ROUTE)
    limits = {"quotas": {"concurrency": 10**6}, "budget": {"tokens": _LARGE, "period": "month"}}
    ingress = {"headers": {}, "keys": "required"}
    values["routers"].append(standard | limits | {"path": _LIMITED_ROUTE, "ingress": ingress})
    environ = {"AISERVICE_API_BASE": "http://localhost:1", "NATS_TOKEN": "bench", "GECHOLOG_LISTEN": "127.0.0.1"}
    return build(check(json.dumps(values).encode(), str(file), config_spec(), environ))
