"""Processors: programs on the bus that see fields of a call and answer with fields to write.

`attach` puts one function on a subject. The function gets the bytes of a message and returns the bytes of the answer;
an empty answer means "nothing to write". `over_json` makes such a function of one that works on fields.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from gecholog import rawjson
from gecholog.errors import BusAway, MessageTooLarge, NotJson
from gecholog.logs import Log

if TYPE_CHECKING:
    from gecholog.bus import Bus, Message

QUEUE = "anything"  # the queue group that the original's processors are in: several may run, each message goes to one
NOTHING = b""

Answer = Callable[[bytes], Awaitable[bytes]]
OnFields = Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]

log = Log("processor")


async def attach(bus: Bus, subject: str, answer: Answer, *, queue: str = QUEUE, concurrency: int = 64) -> None:
    """Answer every message on `subject` with `answer`, at most `concurrency` at a time.

    A message whose function fails is answered with nothing, and the failure is logged. A function that never waits
    gains nothing from concurrency: 1 saves it the tasks.
    """
    if concurrency == 1:

        async def take_one(message: Message) -> None:
            await _answer(message, answer)

        await bus.subscribe(subject, take_one, queue)
        return
    free = asyncio.Semaphore(concurrency)
    running: set[asyncio.Task[None]] = set()

    async def take(message: Message) -> None:
        await free.acquire()
        task = asyncio.create_task(_answer(message, answer), name=f"answer on {subject}")
        running.add(task)
        task.add_done_callback(running.discard)
        task.add_done_callback(lambda _: free.release())

    await bus.subscribe(subject, take, queue)


async def _answer(message: Message, answer: Answer) -> None:
    try:
        data = await answer(message.data)
    except Exception as error:  # noqa: BLE001 - a border: a processor's fault must not stop the next message
        log.fault("message not processed", error, subject=message.subject)
        data = NOTHING
    try:
        await message.answer(data)
    except (BusAway, MessageTooLarge) as error:
        log.warning("answer not sent", subject=message.subject, reason=str(error))


def over_json(function: OnFields) -> Answer:
    """Make an answer of a function over fields. What is not a JSON object is answered with nothing."""

    async def answer(data: bytes) -> bytes:
        try:
            fields = rawjson.loads(data)
        except NotJson:
            return NOTHING
        if not isinstance(fields, dict):
            return NOTHING
        written = await function(fields)
        return rawjson.dumps(written) if written else NOTHING

    return answer
