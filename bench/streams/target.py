"""An upstream for streams: `python -m bench.streams.target --port P --chunks N --interval-ms M`.

It answers every request with N chunks of an OpenAI chat stream: the first one at once, then one every M milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

import httptools
import uvloop

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_FRAME = (
    'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench",'
    '"choices":[{"index":0,"delta":%s,"finish_reason":%s}]}\n\n'
)


class Target(asyncio.Protocol):
    """One connection."""

    def __init__(self, chunks: int, interval: float) -> None:
        self._chunks = chunks
        self._interval = interval
        self._loop = asyncio.get_running_loop()
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: Any = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(_HEAD)
        self._next(0, self._loop.time())

    def _next(self, number: int, began: float) -> None:
        """Send the chunk `number`. The next one is on time even if this one is late."""
        if number == self._chunks:
            end = _FRAME % ("{}", '"stop"')
            self._transport.write(_chunk(end.encode("ascii") + b"data: [DONE]\n\n") + b"0\r\n\r\n")
            return
        frame = _FRAME % (f'{{"content":"#{number}:{time.monotonic_ns()} token"}}', "null")
        self._transport.write(_chunk(frame.encode("ascii")))
        due = began + (number + 1) * self._interval
        self._timer = self._loop.call_at(due, self._next, number + 1, began)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def serve(port: int, chunks: int, interval: float) -> None:
    """Serve until the process is stopped."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Target(chunks, interval), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.streams.target")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chunks", type=int, required=True)
    parser.add_argument("--interval-ms", type=float, required=True)
    given = parser.parse_args()
    uvloop.run(serve(given.port, given.chunks, given.interval_ms / 1000))


if __name__ == "__main__":
    main()
