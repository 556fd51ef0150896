"""Subscriptions of the bus: pass the messages on a subject to a handler, one after another."""

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
        """Publish a reply, on the connection of the request if that is still open."""


class BusMessage:
    """A received message. `reply` is the subject for the reply, empty if the sender expects none."""

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
        """The header lines. A status of the server is under `Status` and `Description`."""
        return wire.decoded(self._headers) if self._headers else {}

    async def answer(self, data: bytes) -> None:
        """Reply to the sender, if it expects a reply. Raises BusAway, MessageTooLarge."""
        if self.reply:
            await self._bus.respond(self._connection, self.reply, data)


class Subscription:
    """A subject, and the queue of messages for its handler, which handles one after another.

    `sids` are its numbers on the connections: there are two of them while the bus moves to another server.
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
        """Subscribe on this connection."""
        self.sids[connection] = connection.subscribe(self.subject, self.deliver, self.queue)

    async def end(self, connection: Wire) -> None:
        """Unsubscribe on this connection. Messages that the server has sent are delivered before this returns."""
        sid = self.sids.pop(connection, None)
        if sid is not None:
            await connection.unsubscribe(sid)

    def deliver(self, delivery: Delivery, connection: Wire) -> None:
        """Queue a received message."""
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
        """Wait until all received messages have been handled."""
        while (task := self._task) is not None:
            await asyncio.wait([task])

    def cancel(self) -> None:
        """Drop queued messages, and cancel the handler."""
        self._queued.clear()
        self._bytes = 0
        if self._task is not None:
            self._task.cancel()
