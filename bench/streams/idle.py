"""Measures what open idle streams cost gl: `python -m bench.streams.idle [--streams N] [--chunks N] [--workers 2]`.

Clients open streams through the default path and read the first chunk, then nothing happens. The report has the memory
of gl per stream up to the first thousand and beyond it, its CPU time while all are idle, and the memory of each chunk
that gl keeps for the records. Exits with 1 if a stream beyond the first thousand takes more than `--most` bytes, or if
a stream does not open.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httptools
import uvloop

from bench import appliance, payloads
from bench.appliance import FULL, PAIR, STREAMS
from bench.processes import HOST, Fleet, Program, listens

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_EVENT = b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"a token of a text"}}]}\n\n'
_CHUNK = b"%x\r\n%s\r\n" % (len(_EVENT), _EVENT)
_FIRST = 1_000  # streams
_AT_ONCE = 100  # streams that are opened before the others are waited for
_WITHIN_S = 120.0  # in which a stream has to open, and a chunk to arrive
_IDLE_S = 5.0
_DESCRIPTORS = 24_000  # of gl, for 10,000 clients and as many connections to the upstream


# ------------------------------------------------------------------ upstream


class _Target(asyncio.Protocol):
    """A connection of the upstream: answers a request with the first chunk of a stream."""

    def __init__(self, opened: set[_Target]) -> None:
        self._opened = opened
        self._parser: Any = httptools.HttpRequestParser(self)
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        self._opened.discard(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._opened.add(self)
        self.transport.write(_HEAD + _CHUNK)


async def _serve(port: int) -> None:
    """Serve until the process is stopped. SIGUSR1 sends one more chunk on every stream."""
    loop, opened = asyncio.get_running_loop(), set[_Target]()

    def send() -> None:
        for stream in opened:
            stream.transport.write(_CHUNK)

    loop.add_signal_handler(signal.SIGUSR1, send)
    server = await loop.create_server(lambda: _Target(opened), HOST, port, backlog=1024)
    await server.serve_forever()


# ------------------------------------------------------------------ clients


class _Client(asyncio.Protocol):
    """One stream."""

    def __init__(self, request: bytes) -> None:
        self.chunks = 0
        self.arrived = asyncio.Event()
        self.is_lost = False
        self._request = request
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.chunks += data.count(b"data: ")
        self.arrived.set()

    def connection_lost(self, _: Exception | None) -> None:
        self.is_lost = True
        self.arrived.set()


async def _open(port: int, count: int) -> list[_Client]:
    """Open streams, and wait until each has its first chunk."""
    body = payloads.question(1_000, stream=True)
    path = f"{STREAMS}v1/chat/completions"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request, loop, opened = head.encode("ascii") + body, asyncio.get_running_loop(), list[_Client]()
    while len(opened) < count:
        several = min(_AT_ONCE, count - len(opened))
        made = [loop.create_connection(lambda: _Client(request), HOST, port) for _ in range(several)]
        opened += [client for _, client in await asyncio.gather(*made)]
        await _until_all(opened[-several:], 1)
    return opened


async def _until_all(clients: Sequence[_Client], chunks: int) -> None:
    """Wait until every client has this many chunks. Raises AssertionError if one is lost, TimeoutError."""
    async with asyncio.timeout(_WITHIN_S):
        for client in clients:
            while client.chunks < chunks:
                assert not client.is_lost, "a stream ended early"
                client.arrived.clear()
                await client.arrived.wait()


# -------------------------------------------------------------------- report


@dataclass(frozen=True, slots=True)
class Idle:
    """The result: bytes per stream and per chunk, and microseconds of CPU per second with all streams idle."""

    streams: int
    first: float
    beyond: float
    cpu: float
    chunk: float


async def measure(port: int, gl: Program, target: subprocess.Popen[bytes], streams: int, chunks: int) -> Idle:
    """Open the streams and measure the memory of gl."""
    await _open(port, 1)  # loads what is loaded once
    start = gl.rss()
    clients = await _open(port, min(_FIRST, streams))
    some = gl.rss()
    clients += await _open(port, streams - len(clients))
    all_open, began = gl.rss(), gl.cpu()
    await asyncio.sleep(_IDLE_S)
    cpu = (gl.cpu() - began) / _IDLE_S
    for number in range(chunks):
        target.send_signal(signal.SIGUSR1)
        await _until_all(clients, number + 2)
    chunk = (gl.rss() - all_open) / (chunks * streams)
    beyond = (all_open - some) / max(streams - _FIRST, 1)
    return Idle(streams, (some - start) / min(_FIRST, streams), beyond, cpu, chunk)


def run(streams: int, chunks: int, workers: int) -> Idle:
    """Start the appliance, and measure."""
    with contextlib.suppress(OSError, ValueError):  # only root may raise the hard limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (_DESCRIPTORS, _DESCRIPTORS))
    with Fleet() as fleet:
        target, unused = fleet.port(), fleet.port()
        words = [sys.executable, "-m", "bench.streams.idle", "--serve", str(target)]
        upstream = fleet.start("stream-target", words, listens(target))
        running = appliance.start(fleet, unused, target)
        port, program = (running.full, FULL) if workers == 1 else (running.pair, PAIR)
        time.sleep(1)  # what services do after their start
        return uvloop.run(measure(port, fleet.programs[program], upstream.process, streams, chunks))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--streams", type=int, default=9_900, help="open streams (9900)")
    parser.add_argument("--chunks", type=int, default=10, help="chunks that each stream gets after that (10)")
    parser.add_argument("--workers", type=int, choices=(1, 2), default=1, help="workers of gl (1)")
    parser.add_argument("--most", type=int, default=20_000, help="bytes of a stream beyond the first thousand (20000)")
    parser.add_argument("--serve", metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        uvloop.run(_serve(int(options.serve)))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the programs are stopped
    found = run(options.streams, options.chunks, options.workers)
    print(f"{found.streams:,} streams: {found.first:,.0f} bytes each of the first thousand, {found.beyond:,.0f} beyond")
    print(f"gl uses {found.cpu / 10_000:.2f} % of a core while all are idle")
    print(f"each chunk of {len(_EVENT)} bytes takes {found.chunk:,.0f} bytes until its record is written")
    return 0 if found.beyond <= options.most else 1


if __name__ == "__main__":
    sys.exit(main())
