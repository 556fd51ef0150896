"""Attaches a function to a subject of the bus: it takes the bytes of a message and returns the bytes of the answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gecholog.bus import Bus, BusMessage
from gecholog.errors import BusAway, GechologError, MessageTooLarge
from gecholog.logs import Log

QUEUE = "anything"  # the queue group of the original's processors: each message goes to one member
NOTHING = b""

Answer = Callable[[bytes], Awaitable[bytes]]

log = Log("processor")

_OUTERMOST_PLACES = 8  # frames of a traceback that are logged
_CANCELLED_WITHIN = 1.0  # seconds that cancelled functions have to end


@dataclass(slots=True)
class MessageCounts:
    """Totals of an attachment. `spent_ns` is the time from messages to their answers, in nanoseconds."""

    messages: int = 0
    errors: int = 0
    spent_ns: int = 0
    last_error: str = ""


class Attachment:
    """A function that answers on a subject, made by `attach`."""

    def __init__(self, bus: Bus, subject: str, answer: Answer, *, queue: str, concurrency: int) -> None:
        self.subject = subject
        self.queue = queue
        self.counts = MessageCounts()
        self._bus = bus
        self._answer = answer
        self._alone = concurrency == 1
        self._free = asyncio.Semaphore(concurrency)
        self._running: set[asyncio.Task[Any]] = set()
        self._over = False  # messages that arrive now are not processed
        self._left = 0  # messages that were not answered
        self.under_way = 0  # messages that are being processed

    async def begin(self) -> None:
        """Subscribe, on this connection to the bus and on all later ones."""
        await self._bus.subscribe(self.subject, self._take_alone if self._alone else self._take, self.queue)

    async def finish(self, timeout: float) -> int:  # noqa: ASYNC109 - part of the protocol
        """Unsubscribe, and answer the messages that have arrived, for at most `timeout` seconds.

        Returns the number of messages that were not answered in time; functions that still run are cancelled.
        """
        leaving = asyncio.create_task(self._bus.unsubscribe(self.subject), name=f"leave {self.subject}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await asyncio.wait({leaving})
                while self._running:
                    await asyncio.wait(self._running)
        self._over = True
        self._left += len(self._running)
        for task in self._running:
            task.cancel()
        await asyncio.wait({leaving, *self._running}, timeout=_CANCELLED_WITHIN)
        leaving.cancel()
        return self._left

    async def _take_alone(self, message: BusMessage) -> None:
        """Process a message without a task of its own, which would gain nothing with a concurrency of 1."""
        if self._too_late():
            return
        task = _this_task()  # that of the bus, which delivers the other messages
        self._running.add(task)
        try:
            await self._work(message)
        except asyncio.CancelledError:
            if not self._over:
                raise
            task.uncancel()
        finally:
            self._running.discard(task)

    async def _take(self, message: BusMessage) -> None:
        await self._free.acquire()
        if self._too_late():
            self._free.release()
            return
        task = asyncio.create_task(self._work(message), name=f"answer on {self.subject}")
        self._running.add(task)
        task.add_done_callback(self._done)

    def _too_late(self) -> bool:
        if self._over:
            self._left += 1
        return self._over

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._free.release()

    async def _work(self, message: BusMessage) -> None:
        start = time.monotonic_ns()
        self.under_way += 1
        try:
            await self._send(message, await self._answered(message))
        finally:
            self.under_way -= 1
        self.counts.messages += 1
        self.counts.spent_ns += time.monotonic_ns() - start

    async def _answered(self, message: BusMessage) -> bytes:
        try:
            return await self._answer(message.data)
        except (Exception, asyncio.CancelledError) as error:  # a border: an error must not stop the next message
            if isinstance(error, asyncio.CancelledError) and _this_task().cancelling():
                raise  # this task is cancelled, not something that the function waited for
            self._note(type(error).__name__)
            log.error("message not processed", subject=message.subject, **described(error))
            return NOTHING

    async def _send(self, message: BusMessage, data: bytes) -> None:
        try:
            await message.answer(data)
        except MessageTooLarge as error:
            self._note("MessageTooLarge")
            log.error("answer too large for the bus", subject=message.subject, size=error.size, limit=error.limit)
            await self._send(message, NOTHING)
        except BusAway as error:
            self._note("BusAway")
            log.warning("answer not sent", subject=message.subject, reason=str(error))

    def _note(self, error: str) -> None:
        self.counts.errors += 1
        self.counts.last_error = error


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type checker
    return task


async def attach(bus: Bus, subject: str, answer: Answer, *, queue: str = QUEUE, concurrency: int = 64) -> Attachment:
    """Answer every message on `subject` with `answer`, at most `concurrency` at a time.

    `answer` takes the bytes of a message and returns the bytes of the answer, b"" for none. If it raises, or if its
    answer is too large for the bus, the answer is empty and the error is logged. Programs in the same `queue` share the
    messages. A function that never awaits gains nothing from concurrency: 1 saves a task per message.

        attachment = await attach(bus, "coburn.gl.mine", answer)
        ...
        await attachment.finish(5.0)
    """
    attachment = Attachment(bus, subject, answer, queue=queue, concurrency=concurrency)
    await attachment.begin()
    return attachment


def described(error: BaseException) -> dict[str, object]:
    """Log fields for an error: its type and its places, innermost first, and the text if the error is one of ours.

    The text of other errors may contain what a client sent (`int()` quotes what it cannot convert).
    """
    places = [
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in reversed(traceback.extract_tb(error.__traceback__, limit=-_OUTERMOST_PLACES))
    ]
    fields: dict[str, object] = {"error": type(error).__name__, "places": places}
    return fields | ({"reason": str(error)} if isinstance(error, GechologError) else {})
