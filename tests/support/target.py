"""A real HTTP upstream, written on raw streams: it records every byte that comes, and tests decide on every byte that
it sends. It runs in the event loop of the test.
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.support.ports import free_port
from tests.support.waiting import eventually

Pair = tuple[str, str]
Step = bytes | float | asyncio.Event

_LIMIT = 64 * 1024 * 1024  # bytes of a head


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came. `head` is everything up to the empty line; `connection` counts connections from 1."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    head: bytes
    connection: int

    def values(self, name: str) -> list[str]:
        """The values of a header, whatever the letter case of its name."""
        wanted = name.lower().encode()
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == wanted]

    def value(self, name: str) -> str | None:
        """The value of a header that comes at most once."""
        values = self.values(name)
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the target does with one request.

    The head is made of `status`, `reason` and `headers`; `Content-Length` is added for a `body`, `Transfer-Encoding:
    chunked` for `chunks`, unless `headers` has either. A step of `chunks` is bytes to send as one chunk, seconds to
    wait, or an event to wait for. `raw` replaces head and body: its bytes go as they are, its waits as above.
    `cut_after`: the connection is reset after that many bytes of the answer. `drop`: it is reset without a byte.
    `close`: it is closed after the answer. `early`: the answer goes as soon as the head of the request is there.
    """

    status: int = 200
    reason: str = "Scripted"
    headers: Sequence[Pair] = (("Content-Type", "application/json"),)
    body: bytes = b'{"ok":true}'
    chunks: Sequence[Step] | None = None
    raw: Sequence[Step] | None = None
    delay: float | asyncio.Event = 0
    cut_after: int | None = None
    drop: bool = False
    close: bool = False
    early: bool = False

    def steps(self, method: str) -> list[Step]:
        """All that is sent, in order."""
        if self.raw is not None:
            return list(self.raw)
        names = {name.lower() for name, _ in self.headers}
        framed = bool(names & {"content-length", "transfer-encoding"})
        lines = [f"HTTP/1.1 {self.status} {self.reason}", *(f"{name}: {value}" for name, value in self.headers)]
        bodiless = method == "HEAD" or self.status < 200 or self.status in {204, 304}
        if not framed and not bodiless:
            lines.append(
                "Transfer-Encoding: chunked" if self.chunks is not None else f"Content-Length: {len(self.body)}"
            )
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        if bodiless:
            return [head]
        if self.chunks is None:
            return [head + self.body]
        frames = [_chunk(step) if isinstance(step, bytes) else step for step in self.chunks]
        return [head, *frames, b"0\r\n\r\n"]


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


Script = Answer | Callable[[Request], Answer]


@dataclass(slots=True)
class Target:
    """The upstream. `requests` is what came; `usual` answers each request that no `script` was queued for."""

    tls: ssl.SSLContext | None = None
    usual: Script = field(default_factory=Answer)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _queue: deque[Script] = field(default_factory=deque)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT` (https with TLS: then by the name `localhost`)."""
        return f"https://localhost:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        return len(self._tasks)

    def then(self, *scripts: Script) -> None:
        """Queue answers for the next requests, one each."""
        self._queue.extend(scripts)

    async def received(self, number: int = 1) -> list[Request]:
        """Wait until this many requests have come; returns all."""
        await eventually(lambda: len(self.requests) >= number, f"request {number} at the target")
        return self.requests

    async def start(self) -> None:
        """Listen: on a free port, later again on the same."""
        self.port = self.port or free_port()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=_LIMIT, ssl=self.tls)

    async def stop(self) -> None:
        """Listen no more, and reset all connections."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            number = self.connections
            while await self._one(reader, writer, number):
                pass
        except (OSError, EOFError, ssl.SSLError, asyncio.CancelledError):
            pass  # the peer has gone, or the test has ended
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        """Take one request and answer it; tells whether the connection continues."""
        head = await reader.readuntil(b"\r\n\r\n")
        request = _parsed(head, number)
        script = self._queue.popleft() if self._queue else self.usual
        answer = script if isinstance(script, Answer) else None
        if answer is not None and answer.early:
            self.requests.append(request)
            return await _sent(answer, request, writer)
        try:
            body = await _body(request, reader)
        except EOFError:
            self.requests.append(request)  # the sender broke off: what came is known by its head
            raise
        request = Request(request.method, request.target, request.headers, body, head, number)
        self.requests.append(request)
        return await _sent(answer or script(request), request, writer)  # type: ignore[operator]


def _parsed(head: bytes, number: int) -> Request:
    first, *lines = head[:-4].split(b"\r\n")
    method, target, _ = first.decode("latin-1").split(" ")
    pairs = tuple((name, value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines))
    return Request(method, target, pairs, b"", head, number)


async def _body(request: Request, reader: asyncio.StreamReader) -> bytes:
    if (request.value("transfer-encoding") or "").lower() == "chunked":
        return await _chunked_body(reader)
    return await reader.readexactly(int(request.value("content-length") or 0))


async def _chunked_body(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return b"".join(parts)


async def _sent(answer: Answer, request: Request, writer: asyncio.StreamWriter) -> bool:
    if answer.drop:
        return False
    left = answer.cut_after
    await _wait(answer.delay)
    for step in answer.steps(request.method):
        if not isinstance(step, bytes):
            await _wait(step)
            continue
        writer.write(step if left is None else step[:left])
        await writer.drain()
        if left is not None and (left := left - len(step)) <= 0:
            await _flushed(writer)
            return False
    if answer.close:
        with contextlib.suppress(OSError, NotImplementedError, RuntimeError):
            writer.close()
            await writer.wait_closed()
        return False
    return True


async def _flushed(writer: asyncio.StreamWriter) -> None:
    """Wait until the transport has handed everything to the system: an abort would throw the rest away."""
    await eventually(lambda: writer.transport.get_write_buffer_size() == 0, "the target's buffer")


async def _wait(step: float | asyncio.Event) -> None:
    if isinstance(step, asyncio.Event):
        await step.wait()
    elif step:
        await asyncio.sleep(step)
