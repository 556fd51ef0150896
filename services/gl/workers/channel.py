"""The connection between the parent and a worker. Each end calls functions of the other by name.

It is one pair of UNIX sockets. Besides JSON it carries listening sockets, as descriptors (SCM_RIGHTS). When one process
ends, however it ends, the other one sees the end of the stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from gecholog.errors import GechologError
from gecholog.logs import Log
from services.gl.workers import message
from services.gl.workers.message import MOST_SOCKETS, Decoder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

log = Log("workers")

_READ = 64 * 1024  # bytes
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)  # Linux

Handler = Callable[[Any, list[socket.socket]], Awaitable[Any]]
"""A function that the other end may call, with a JSON value and the sockets that came with it. It returns JSON."""


class ChannelError(GechologError):
    """A call got no result."""


class CallFailed(ChannelError):
    """The function at the other end raised an error."""


class ChannelClosed(ChannelError):
    """The process at the other end has ended."""


class CallTimedOut(ChannelError):
    """The process at the other end did not answer in time."""


class _Outgoing(NamedTuple):
    data: bytes
    descriptors: list[int]  # copies of our own


class Channel:
    """One end of the connection. `run` must be running."""

    def __init__(self, end: socket.socket, handlers: Mapping[str, Handler]) -> None:
        """`handlers` are the functions that the other end may call. `end` belongs to the channel from now on."""
        end.setblocking(False)  # noqa: FBT003 - the standard library's own
        self._end = end
        self._handlers = handlers
        self._loop = asyncio.get_running_loop()
        self._outgoing: deque[_Outgoing] = deque()
        self._has_outgoing = asyncio.Event()
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0
        self._is_closed = False
        self._answering: set[asyncio.Task[None]] = set()
        self._received: deque[int] = deque()  # descriptors whose message is not complete

    # ------------------------------------------------------------------ calls

    async def call(
        self, name: str, argument: Any = None, sockets: Sequence[socket.socket] = (), *, within: float
    ) -> Any:
        """Call a function of the other end, and return its result, within so many seconds. Raises ChannelError.

        The sockets stay the caller's, and may be closed when this returns.
        """
        if self._is_closed:
            raise ChannelClosed("the process has ended")
        descriptors = _copies(sockets)
        self._last_id += 1
        call_id, future = self._last_id, self._loop.create_future()
        self._pending[call_id] = future
        try:
            self._send({"id": call_id, "call": name, "argument": argument}, descriptors)
            async with asyncio.timeout(within):
                return await future
        except TimeoutError:
            raise CallTimedOut(f"no answer within {within:.0f} s") from None
        finally:
            self._pending.pop(call_id, None)

    def tell(self, name: str, argument: Any) -> None:
        """Call a function of the other end whose result does not matter."""
        if not self._is_closed:
            self._send({"call": name, "argument": argument})

    def _send(self, fields: dict[str, Any], descriptors: list[int] | None = None) -> None:
        descriptors = descriptors or []
        try:
            data = message.encode(fields, len(descriptors))
        except (TypeError, ValueError):
            _close_all(descriptors)
            raise
        self._outgoing.append(_Outgoing(data, descriptors))
        self._has_outgoing.set()

    # ------------------------------------------------------------------- life

    async def run(self) -> None:
        """Carry messages until the other end has closed. Then all calls fail, and the channel is closed."""
        writing = asyncio.create_task(self._write(), name="control messages")
        try:
            await self._read()
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            self._close()

    def shut(self) -> None:
        """End the connection: the other end sees it, and `run` returns."""
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)

    def _close(self) -> None:
        self._is_closed = True
        self._end.close()
        for future in self._pending.values():
            if not future.done():
                future.set_exception(ChannelClosed("the process has ended"))
        for descriptor in self._received:
            os.close(descriptor)
        for outgoing in self._outgoing:
            _close_all(outgoing.descriptors)
        self._outgoing.clear()

    # ---------------------------------------------------------------- reading

    async def _read(self) -> None:
        decoder = Decoder()
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._end, _READ, MOST_SOCKETS, _CLOSE_ON_EXEC)
            except BlockingIOError:
                await self._until_ready(self._loop.add_reader, self._loop.remove_reader)
                continue
            except ConnectionError:
                return
            for descriptor in descriptors:
                os.set_inheritable(descriptor, False)  # noqa: FBT003 - the standard library's own
                self._received.append(descriptor)
            if not data:
                return
            for fields, count in decoder.feed(data):
                # without free descriptors, the kernel drops those that were sent: the handler misses its sockets then
                present = count if count <= len(self._received) else 0
                self._take(fields, [_nonblocking(self._received.popleft()) for _ in range(present)])

    def _take(self, fields: dict[str, Any], sockets: list[socket.socket]) -> None:
        name = fields.get("call")
        if name is None:
            self._resolve(fields)
            return
        task = asyncio.create_task(self._answer(name, fields, sockets), name=f"control {name}")
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    def _resolve(self, fields: dict[str, Any]) -> None:
        future = self._pending.get(fields["id"])
        if future is None or future.done():  # nobody waits any more
            return
        if "error" in fields:
            future.set_exception(CallFailed(fields["error"]))
        else:
            future.set_result(fields["result"])

    async def _answer(self, name: str, fields: dict[str, Any], sockets: list[socket.socket]) -> None:
        try:
            handler = self._handlers.get(name)
            if handler is None:
                raise ChannelError(f"there is no function {name}")  # noqa: TRY301 - answered below
            answer = {"result": await handler(fields.get("argument"), sockets)}
        except (GechologError, OSError) as error:
            answer = {"error": str(error)}
        except Exception as error:  # noqa: BLE001 - a border: the other end must get an answer
            log.fault("control call failed", error, call=name)
            answer = {"error": f"an unexpected error, {type(error).__name__}: the log has its traceback"}
        if "id" in fields and not self._is_closed:
            self._send({"id": fields["id"], **answer})

    # ---------------------------------------------------------------- writing

    async def _write(self) -> None:
        while True:
            await self._has_outgoing.wait()
            self._has_outgoing.clear()
            while self._outgoing:
                data, descriptors = self._outgoing.popleft()
                try:
                    await self._write_one(memoryview(data), descriptors)
                except ConnectionError:  # `_read` sees the end as well
                    return
                finally:
                    _close_all(descriptors)

    async def _write_one(self, data: memoryview, descriptors: list[int]) -> None:
        while data:
            try:
                sent = socket.send_fds(self._end, [data], descriptors) if descriptors else self._end.send(data)
            except BlockingIOError:
                await self._until_ready(self._loop.add_writer, self._loop.remove_writer)
                continue
            data, descriptors = data[sent:], []

    async def _until_ready(self, add: Callable[..., Any], remove: Callable[..., Any]) -> None:
        """Wait until the socket can be read or written."""
        ready: asyncio.Future[None] = self._loop.create_future()
        add(self._end, _resolve, ready)
        try:
            await ready
        finally:
            with contextlib.suppress(OSError, ValueError):
                remove(self._end)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _nonblocking(descriptor: int) -> socket.socket:
    """A socket that was received.

    Whether it blocks is a property that all processes share with whom it was sent: if one of them made it blocking, for
    example by `socket.dup`, which copies the time-out of the Python object, the others would hang in `accept`.
    """
    received = socket.socket(fileno=descriptor)
    received.setblocking(False)  # noqa: FBT003 - the standard library's own
    return received


def _copies(sockets: Sequence[socket.socket]) -> list[int]:
    """New descriptors of sockets. Raises ChannelError, and leaves none open, if there are no free ones."""
    copies: list[int] = []
    try:
        for one in sockets:
            copies.append(os.dup(one.fileno()))  # noqa: PERF401 - those before an error are closed
    except OSError as error:
        _close_all(copies)
        raise ChannelError(f"the sockets cannot be sent: {error.strerror}") from error
    return copies


def _close_all(descriptors: list[int]) -> None:
    for one in descriptors:
        os.close(one)
