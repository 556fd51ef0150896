"""A client of many streams: `python -m bench.streams.client PLAN.json` writes its result as JSON to standard output.

The streams start at random times within the first second, so that chunks arrive evenly and not in bursts. With
`abandon_after`, each stream is abandoned after that many chunks.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httptools
import uvloop

from bench import payloads

MARK = re.compile(rb"#(\d+):(\d+) ")
START_WINDOW_S = 1.0
GRACE_S = 60.0  # that a stream may take longer than planned


@dataclass(frozen=True, slots=True)
class Plan:
    """What to request. `seconds` is the planned duration of a stream. `abandon_after` 0 reads to the end."""

    url: str
    headers: dict[str, str]
    model: str
    streams: int
    chunks: int
    seconds: float
    abandon_after: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """The result. Times are in milliseconds: `first` from request to first chunk, `delay` of every chunk."""

    streams: int
    chunks: int
    lost: int
    disordered: int
    failed: int
    first_p50: float
    first_p99: float
    delay_p50: float
    delay_p99: float
    delay_max: float


class Stream(asyncio.Protocol):
    """One stream."""

    def __init__(self, request: bytes, abandon_after: int) -> None:
        self.numbers: list[int] = []
        self.delays: list[float] = []
        self.first = 0.0
        self.ended = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._abandon_after = abandon_after
        self._parser: Any = httptools.HttpResponseParser(self)
        self._transport: Any = None
        self._began = 0
        self._arrived = 0
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._began = time.monotonic_ns()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._arrived = time.monotonic_ns()
        self._parser.feed_data(data)

    def on_body(self, piece: bytes) -> None:
        whole, mark, rest = (self._rest + piece).rpartition(b"\n\n")
        self._rest = rest
        for number, written in MARK.findall(whole + mark):
            self._chunk(int(number), int(written))

    def _chunk(self, number: int, written: int) -> None:
        if not self.numbers:
            self.first = (self._arrived - self._began) / 1e6
        self.numbers.append(number)
        self.delays.append((self._arrived - written) / 1e6)
        if len(self.numbers) == self._abandon_after:
            self._transport.abort()

    def on_message_complete(self) -> None:
        self.ended = self._parser.get_status_code() == 200  # noqa: PLR2004 - HTTP's OK
        self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def run(plan: Plan) -> Result:
    """Open and read all streams."""
    request = request_bytes(plan)
    chance = random.Random(1)
    streams = await asyncio.gather(
        *(_one(plan, request, chance.uniform(0, START_WINDOW_S)) for _ in range(plan.streams)),
    )
    return result(plan, streams)


async def _one(plan: Plan, request: bytes, after: float) -> Stream:
    await asyncio.sleep(after)
    parts = urlsplit(plan.url)
    host, port = parts.hostname or "", parts.port or 80
    loop = asyncio.get_running_loop()
    _, stream = await loop.create_connection(lambda: Stream(request, plan.abandon_after), host, port)
    try:
        async with asyncio.timeout(plan.seconds + GRACE_S):
            await stream.done
    except TimeoutError:
        pass
    return stream


def request_bytes(plan: Plan) -> bytes:
    """Return the request as sent."""
    parts = urlsplit(plan.url)
    body = payloads.question(1_000, plan.model, stream=True)
    headers = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    } | plan.headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {parts.path} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + body


def result(plan: Plan, streams: list[Stream]) -> Result:
    """Combine the results of all streams. A stream that was abandoned on purpose has not failed."""
    expected = plan.abandon_after or plan.chunks
    delays = sorted(delay for stream in streams for delay in stream.delays) or [0.0]
    firsts = sorted(stream.first for stream in streams if stream.numbers) or [0.0]
    return Result(
        streams=len(streams),
        chunks=sum(len(stream.numbers) for stream in streams),
        lost=sum(max(expected - len(set(stream.numbers)), 0) for stream in streams),
        disordered=sum(stream.numbers != sorted(set(stream.numbers)) for stream in streams),
        failed=0 if plan.abandon_after else sum(not stream.ended for stream in streams),
        first_p50=statistics.median(firsts),
        first_p99=_percentile(firsts, 0.99),
        delay_p50=statistics.median(delays),
        delay_p99=_percentile(delays, 0.99),
        delay_max=delays[-1],
    )


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def main() -> None:
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    print(json.dumps(asdict(uvloop.run(run(plan)))))


if __name__ == "__main__":
    main()
