"""Subscriptions of the bus: the messages on a subject, handed to a function one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from gecholog import wire
from gecholog.logs import Log
from gecholog.wire import Delivery, Wire

_MAX_QUEUED_BYTES = 128 * 1024 * 1024  # of messages that wait for their handler

Handler = Callable[["BusMessage"], Awaitable[None]]


class Responder(Protocol):
    """The part of the bus that messages need."""

    def respond(self, connection: Wire, subject: str, data: bytes) -> Awaitable[None]:
        """Publish an answer, over the connection that the question came over if that is still there."""


class BusMessage:
    """A message that came in. `reply` is the subject for an answer, empty if none is wanted."""

    __slots__ = ("_bus", "_connection", "_headers", "data", "reply", "subject")

    def __init__(self, bus: Responder, delivery: Delivery, connection: Wire) -> None:
        self._bus = bus
        self._connection = connection
        self._headers = delivery.headers
        self.subject = delivery.subject
        self.reply = delivery.reply
        self.data = delivery.data

    @property
    def headers(self) -> Mapping[str, str]:
        """The header lines; what the server itself says is under `Status` and `Description`."""
        return wire.decoded(self._headers) if self._headers else {}

    async def answer(self, data: bytes) -> None:
        """Answer the sender. A message that wants no answer gets none. Raises BusAway, MessageTooLarge."""
        if self.reply:
            await self._bus.respond(self._connection, self.reply, data)


class Subscription:
    """A subject, and the messages that wait for its handler: one is handled after the other.

    `sids` are its numbers on the connections that it is on: on two of them while the bus moves to another server.
    """

    def __init__(self, bus: Responder, subject: str, queue: str, handler: Handler, log: Log) -> None:
        self.subject = subject
        self.queue = queue
        self.sids: dict[Wire, int] = {}
        self._bus = bus
        self._handler = handler
        self._log = log
        self._queued: deque[tuple[Delivery, Wire]] = deque()
        self._bytes = 0
        self._dropped = 0
        self._task: asyncio.Task[None] | None = None

    def begin(self, connection: Wire) -> None:
        """Take messages that come over this connection."""
        self.sids[connection] = connection.subscribe(self.subject, self.deliver, self.queue)

    async def end(self, connection: Wire) -> None:
        """Take no more messages over this connection. Those that the server had sent are delivered at the return."""
        sid = self.sids.pop(connection, None)
        if sid is not None:
            await connection.unsubscribe(sid)

    def deliver(self, delivery: Delivery, connection: Wire) -> None:
        """A message came in."""
        if self._bytes > _MAX_QUEUED_BYTES:
            if not self._dropped:
                self._log.warning("messages are dropped: too many wait", subject=self.subject)
            self._dropped += 1
            return
        self._queued.append((delivery, connection))
        self._bytes += len(delivery.data)
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name=f"messages on {self.subject}")

    async def _work(self) -> None:
        try:
            while self._queued:
                delivery, connection = self._queued.popleft()
                self._bytes -= len(delivery.data)
                await self._handle(BusMessage(self._bus, delivery, connection))
        finally:
            self._task = None
            if self._dropped:
                self._log.warning("messages were dropped", subject=self.subject, messages=self._dropped)
                self._dropped = 0

    async def _handle(self, message: BusMessage) -> None:
        try:
            await self._handler(message)
        except Exception as error:  # noqa: BLE001 - a border: one bad message must not end the subscription
            self._log.fault("message not handled", error, subject=self.subject)

    async def finish(self) -> None:
        """Wait until everything that came in has been handled."""
        while (task := self._task) is not None:
            await asyncio.wait([task])

    def cancel(self) -> None:
        """Drop what waits, and end the handler."""
        self._queued.clear()
        self._bytes = 0
        if self._task is not None:
            self._task.cancel()
