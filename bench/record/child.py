"""Measures the checkout that is first in PYTHONPATH, once, and prints the figures as JSON.

It is run as a file of its own, so that it measures another checkout as well. The argument is the folder of the config.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns, thread_time_ns
from typing import Any

from bench import payloads
from gecholog.config import check
from gecholog.headers import Headers
from gecholog.session import Ids
from services.gl import pipeline
from services.gl.call import Call
from services.gl.config import Config, build, config_spec
from services.gl.dependencies import Dependencies
from services.gl.record.delivery.backpressure import Backpressure
from services.gl.status import Status

_SIZES = {"1 KB": 1024, "100 KB": 100 * 1024}  # of both bodies
_SLICES = 100
_ROUTE = "/service/standard/"
_COUNTED = b'{"token_count":{"prompt_tokens":120,"completion_tokens":80,"total_tokens":200}}'
_JSON: Headers = {"Content-Type": ["application/json"]}


class _Client:
    """Sends a request, and takes the response."""

    method = "POST"
    path = f"{_ROUTE}v1/chat/completions"
    query = ""
    client = "127.0.0.1"
    started = False
    lost = False

    def __init__(self, body: bytes) -> None:
        names = {"Authorization": ["Bearer secret"], "Host": ["localhost"], "User-Agent": ["bench"], "Accept": ["*/*"]}
        self.headers = {**names, **_JSON, "Content-Length": [str(len(body))]}
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

    def __init__(self, size: int) -> None:
        self._body = payloads.answer(size)

    async def send(self, _request: object) -> _Response:
        return _Response(self._body)

    def retire(self) -> None:
        """Nothing is open."""


class _Bus:
    """Has the token counter, for checkouts whose default config asks it about every call."""

    max_payload = 1024 * 1024

    async def request(self, _subject: str, data: bytes, _timeout: float, *, lazily: bool = False) -> bytes:
        return _COUNTED if lazily and b"inbound_status_code" in data else b"{}"


class _Recorder:
    """Takes records, and keeps none."""

    largest = 1024 * 1024

    def __init__(self) -> None:
        self.backpressure = Backpressure()
        self.taken = 0

    def accept(self, _record_id: bytes, _data: bytes, *, is_final: bool = False) -> None:
        """Take a record as it stands."""

    def publish(self, _record_id: bytes, _data: bytes, *, is_stored: bool = False) -> None:  # noqa: ARG002 - as the recorder's
        self.taken += 1


class _Bench:
    """The calls of one size."""

    def __init__(self, config: Config, size: int) -> None:
        self._config = config
        self._question = payloads.question(size)
        self._recorder = _Recorder()
        bus: Any = _Bus()
        records: Any = self._recorder
        self._deps = Dependencies(bus, _Upstream(size), records, Status())
        self._plan = pipeline.plan_for(config, config.routers[_ROUTE])

    async def call(self) -> Call:
        """Make a call."""
        client: Any = _Client(self._question)
        router = self._config.routers[_ROUTE]
        call = Call(self._config, client, client, router, Ids("BENCH001_1_1_0", "BENCH001_1_1_0"))
        await pipeline.run(call, self._deps, self._plan)
        return call

    async def calls(self, count: int) -> float:
        """Make calls, and return the microseconds that one took."""
        begin = thread_time_ns()
        for _ in range(count):
            await self.call()
        return (thread_time_ns() - begin) / count / 1000

    async def figures(self, name: str, count: int) -> dict[str, float]:
        """Measure a whole call, and its record: as it is written before the reply, and what is added after it."""
        call = await self.call()
        assert "token_count" in call.response_section.fields or call.token_count is not None
        assert call.snapshot is not None
        writer, snapshot = call.record_writer, call.snapshot
        return {
            f"call, {name}": min([await self.calls(count) for _ in range(_SLICES)]),
            f"record before reply, {name}": _fastest(lambda: writer.snapshot(call, monotonic_ns()), count),
            f"record after reply, {name}": _fastest(lambda: writer.complete(call, snapshot, monotonic_ns()), count),
        }


def _fastest(work: Callable[[], object], count: int) -> float:
    """Return the microseconds that `work` took in the fastest slice."""
    slices = []
    for _ in range(_SLICES):
        begin = thread_time_ns()
        for _ in range(count):
            work()
        slices.append(thread_time_ns() - begin)
    return min(slices) / count / 1000


def _config(folder: Path) -> Config:
    """Return the default config. Nothing is called at the addresses in it."""
    file = folder / "gl_config.json"
    environ = {"AISERVICE_API_BASE": "http://localhost:1", "NATS_TOKEN": "bench", "GECHOLOG_LISTEN": "127.0.0.1"}
    return build(check(file.read_bytes(), str(file), config_spec(), environ))


async def _figures() -> dict[str, float]:
    config = _config(Path(sys.argv[1]))
    figures: dict[str, float] = {}
    for name, size in _SIZES.items():
        figures |= await _Bench(config, size).figures(name, count=50)
    return figures


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_figures())))
