"""A paced load on gl: calls at a fixed rate over a fixed number of connections, with streams beside them.

No request is sent twice, so whatever a caller would see is counted here. One that could not even connect to the old
port after gl has moved is no failure: it is sent to the new one, as a client that is told of the new port would do.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import aiohttp

PATH = "/dummy/v1/chat/completions"
_CHAT = {"model": "dummy", "messages": [{"role": "user", "content": "Hello"}]}
_CHUNKS = 20
_STREAM_HEADERS = {"X-Dummy-Chunks": str(_CHUNKS), "X-Dummy-Chunk-Delay-Ms": "60"}
_MOVES_WITHIN = 5.0  # seconds after which a port that nobody listens on is a failure


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that did not get its answer; times are those of the steady clock."""

    sent: float
    seen: float
    what: str


@dataclass
class LoadRun:
    """The load, running inside `async with`. `url` may be changed while it runs."""

    url: str
    rate: float = 200.0
    callers: int = 28
    streamers: int = 4
    tls: object = True
    expects_move: bool = False
    timeout_s: float = 20
    longest_s: float = 0.0  # of all calls that were answered
    done: int = 0
    streams: int = 0
    moved: int = 0
    failures: list[Failure] = field(default_factory=list)
    broken: list[Failure] = field(default_factory=list)

    async def __aenter__(self):
        self._ending = asyncio.Event()
        self._turns = asyncio.Queue()
        self._tasks = [
            asyncio.create_task(self._pace(), name="pace"),
            *(asyncio.create_task(self._caller(), name="caller") for _ in range(self.callers)),
            *(asyncio.create_task(self._streamer(), name="streamer") for _ in range(self.streamers)),
        ]
        return self

    async def __aexit__(self, *_):
        """Let everything that is under way finish."""
        self._ending.set()
        for _ in range(self.callers):
            self._turns.put_nowait(False)
        try:
            await asyncio.gather(*self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()

    async def _pace(self):
        start, sent = time.monotonic(), 0
        while not self._ending.is_set():
            due_calls = int((time.monotonic() - start) * self.rate)
            for _ in range(sent, due_calls):
                self._turns.put_nowait(True)
            sent = due_calls
            await asyncio.sleep(0.005)

    def _session(self):
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, keepalive_timeout=60, ssl=self.tls),
            timeout=aiohttp.ClientTimeout(total=self.timeout_s),
        )

    async def _caller(self):
        async with self._session() as session:
            while await self._turns.get():
                if await self._one(self._call, session, self.failures):
                    self.done += 1

    async def _streamer(self):
        async with self._session() as session:
            while not self._ending.is_set():
                if await self._one(self._stream, session, self.broken):
                    self.streams += 1
                else:
                    await asyncio.sleep(0.05)

    async def _one(self, send, session, failures):
        sent = time.monotonic()
        while True:
            url = self.url
            try:
                problem = await send(session, url)
            except aiohttp.ClientConnectorError as error:
                if await self._has_moved(url):
                    self.moved += 1
                    continue
                problem = repr(error)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                problem = repr(error)
            if problem:
                failures.append(Failure(sent, time.monotonic(), problem))
            else:
                self.longest_s = max(self.longest_s, time.monotonic() - sent)
            return not problem

    async def _has_moved(self, url):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_MOVES_WITHIN if self.expects_move else 0):
                while self.url == url:  # noqa: ASYNC110 - there is no event to wait for
                    await asyncio.sleep(0.01)
        return self.url != url

    @staticmethod
    async def _call(session, url):
        async with session.post(url + PATH, json=_CHAT) as response:
            body = await response.read()
            if response.status != 200:
                return f"status {response.status} {body[:200]!r}"
            return "" if b'"total_tokens"' in body else "an answer without its end"

    @staticmethod
    async def _stream(session, url):
        chat = _CHAT | {"stream": True}
        async with session.post(url + PATH, json=chat, headers=_STREAM_HEADERS) as response:
            body = await response.read()
            if response.status != 200:
                return f"status {response.status} {body[:200]!r}"
            whole = body.endswith(b"data: [DONE]\n\n") and body.count(b"data: ") > _CHUNKS
            return "" if whole else f"a stream without its end: {body[-100:]!r}"
