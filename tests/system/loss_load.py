"""A paced load of calls on kept-alive connections, which knows of every call whether its client has all of the reply.

Lean, because it shares the machine with what it loads: raw protocols, one request in flight on each connection.
"""

import asyncio
import time
from dataclasses import dataclass, field
from enum import Enum

import httptools
import orjson

CONNECTIONS = 96
_TICK = 0.01  # seconds between looks at how many calls are due
_PATH = "/dummy/v1/chat/completions"
_TEXT = "Tell me what becomes of a record when the process that holds it dies. " * 8
_CHUNKS, _CHUNK_DELAY_MS = 8, 5


class Kind(Enum):
    """What a client does: take a whole answer, take a stream to its end, or leave in the middle of a stream."""

    PLAIN = "plain"
    STREAMED = "streamed"
    ABANDONED = "abandoned"


def kind_of(number: int) -> Kind:
    """Of 20 calls 14 are plain, 5 streamed, 1 is an abandoned stream."""
    part = number % 20
    if part == 0:
        return Kind.ABANDONED
    return Kind.STREAMED if part <= 5 else Kind.PLAIN


def request_of(number: int, kind: Kind) -> bytes:
    """The bytes of a call. It continues no session, so its transaction id is its own."""
    streamed = kind is not Kind.PLAIN
    message = {"role": "user", "content": f"Call {number}. {_TEXT}"}
    body = orjson.dumps({"model": "dummy", "messages": [message]} | ({"stream": True} if streamed else {}))
    lines = [f"POST {_PATH} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    if streamed:
        lines += [f"X-Dummy-Chunks: {_CHUNKS}", f"X-Dummy-Chunk-Delay-Ms: {_CHUNK_DELAY_MS}"]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@dataclass(slots=True)
class CallCounts:
    """What became of the calls, by transaction id where one came back.

    `complete`: the caller has the last byte of the reply. `abandoned`: the caller left on purpose. `broken`: the head
    came, the end did not. `failed` counts calls without even a head, `statuses` the complete ones by status.
    """

    calls: int = 0
    complete: set[str] = field(default_factory=set)
    abandoned: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    failed: int = 0
    unnamed: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0
    slowest: float = 0.0

    def count(self, client: "HttpClient", kind: Kind) -> None:
        name = client.transaction
        if client.is_complete:
            self.statuses[client.status] = self.statuses.get(client.status, 0) + 1
            self.unnamed += not name
            self.complete.add(name)
        elif not name:
            self.failed += 1
        else:
            (self.abandoned if kind is Kind.ABANDONED else self.broken).add(name)


class HttpClient(asyncio.Protocol):
    """One connection, one call at a time."""

    def __init__(self):
        self._transport = None
        self._parser = None
        self._ended = None
        self._leaves = False
        self.transaction = ""
        self.status = 0
        self.is_complete = False

    async def call(self, port: int, data: bytes, *, leaves: bool) -> None:
        """Make a call, over a new connection if necessary. The attributes tell what came of it."""
        self.transaction, self.status, self.is_complete, self._leaves = "", 0, False, leaves
        loop = asyncio.get_running_loop()
        if self._transport is None or self._transport.is_closing():
            try:
                await loop.create_connection(lambda: self, "127.0.0.1", port)
            except OSError:
                return
        self._ended = loop.create_future()
        self._transport.write(data)
        await self._ended

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def connection_lost(self, error) -> None:
        self._transport = None
        self._end()

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"session-id":
            self.transaction = value.decode()

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, _: bytes) -> None:
        if self._leaves:
            self._transport.abort()

    def on_message_complete(self) -> None:
        if not self._leaves:
            self.is_complete = True
            self._end()

    def _end(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)


class RecordLoad:
    """Calls at a rate, whether the ones before are answered or not, as long as a connection is free."""

    def __init__(self, port: int, rate: float):
        self.tally = CallCounts()
        self._port = port
        self._rate = rate
        self._due = asyncio.Queue()
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Begin no more calls."""
        self._stopped.set()

    async def run(self, seconds: float) -> CallCounts:
        """Make calls for so long, or until `stop`; returns when all of them have ended."""
        workers = [asyncio.create_task(self._work()) for _ in range(CONNECTIONS)]
        await self._pace(seconds)
        for _ in workers:
            self._due.put_nowait(None)
        await asyncio.gather(*workers)
        return self.tally

    async def _pace(self, seconds: float) -> None:
        begin, number = time.monotonic(), 0
        while (passed := time.monotonic() - begin) < seconds and not self._stopped.is_set():
            while number < passed * self._rate:
                self._due.put_nowait((number, time.monotonic()))
                number += 1
            await asyncio.sleep(_TICK)
        self.tally.seconds = time.monotonic() - begin

    async def _work(self) -> None:
        client = HttpClient()
        while (due := await self._due.get()) is not None:
            number, since = due
            if self._stopped.is_set():
                continue
            kind = kind_of(number)
            self.tally.calls += 1
            await client.call(self._port, request_of(number, kind), leaves=kind is Kind.ABANDONED)
            self.tally.count(client, kind)
            self.tally.slowest = max(self.tally.slowest, time.monotonic() - since)
        client.close()
