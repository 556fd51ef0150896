"""The service bus: the only file that imports nats.

`Bus.run` keeps one connection for as long as the service lives. It does not use the client library's own reconnecting:
that one retries a refused token, and closes for good on errors that a new connection mends.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import nats.errors
from nats.aio.client import Client

from gecholog.errors import BusAway, BusError, BusRefused, MessageTooLarge, NoAnswer, NobodyListens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

    from gecholog.logs import Log

Handler = Callable[["Message"], Awaitable[None]]
Announcement = Callable[["Bus"], Awaitable[None]]

_NO_RESPONDERS = "503"  # status in the header of the server's own answer: nobody listens
_SAY_SO_EVERY = 5.0  # seconds
_LONGEST_PAUSE = 1.0  # seconds between attempts: a bus that is back is found soon
_CONNECT_TIMEOUT = 2  # seconds
_PENDING = 64 * 1024 * 1024  # bytes that may wait to be written while the bus is slow
_FLUSHED_WITHIN = 2.0  # seconds that a publisher is held up then; without a limit it would never hear of a loss
_PING_EVERY = 10  # seconds; a bus that answers nothing, two times running, is lost
_LOOK_EVERY = 1.0  # seconds between looks whether a client is still open
_CLOSED_WITHIN = 2.0  # seconds

# What can go wrong in the client library. RuntimeError is uvloop's word for a connection that is closed already.
_FAILURES = (nats.errors.Error, OSError, TimeoutError, RuntimeError)


@dataclass(frozen=True, slots=True)
class BusAddress:
    """Where the bus is, and the token it asks for."""

    hostname: str
    token: str = field(repr=False)


class Message:
    """A message that came in. `reply` is the subject for an answer, empty if none is wanted."""

    __slots__ = ("_bus", "data", "headers", "reply", "subject")

    def __init__(self, bus: Bus, message: Msg) -> None:
        self._bus = bus
        self.subject: str = message.subject
        self.reply: str = message.reply
        self.data: bytes = message.data
        self.headers: Mapping[str, str] = message.headers or {}

    async def answer(self, data: bytes) -> None:
        """Answer the sender. A message that wants no answer gets none; raises as `Bus.publish`."""
        if self.reply:
            await self._bus.publish(self.reply, data)


@dataclass(frozen=True, slots=True)
class _Subscription:
    subject: str
    queue: str
    handler: Handler


class _Client(Client):
    """The library's client, less a flaw: closing writes what is pending even to a connection that is lost, fails at
    that (in a task of its own), and then tells nobody that it is closed (nats-py 2.16, `Client._close`).
    """

    async def _close(self, status: int, do_cbs: bool = True) -> None:  # noqa: FBT001, FBT002 - the library's own
        self._pending, self._pending_data_size = [], 0
        await super()._close(status, do_cbs)


class Bus:
    """One connection to the bus, made again whenever it is lost."""

    def __init__(self, address: BusAddress, name: str, log: Log) -> None:
        """`name` is what the bus's monitor shows for this connection."""
        self.address = address
        self._name = name
        self._log = log
        self._client: Client | None = None
        self._opened = asyncio.Event()
        self._lost = asyncio.Event()
        self._closing = False
        self._subscriptions: list[_Subscription] = []
        self._announcements: list[Announcement] = []
        self._answers: dict[str, asyncio.Future[Msg]] = {}
        self._inbox = ""
        self._heard = ""  # the client library tells the cause of a failure only to its error callback
        self._numbers = count(1)

    # ---------------------------------------------------------------- life

    async def run(self) -> None:
        """Connect, and connect again when the connection is lost, until `close`.

        Raises BusRefused at the first refusal of the token.
        """
        while not self._closing:
            client = await self._connected_client()
            if client is None:
                return
            try:
                await self._begin(client)
                await self._until_closed(client)
            finally:
                await _let_go(client)
                self._end(client)

    async def opened(self) -> None:
        """Wait until the bus has been reached for the first time."""
        await self._opened.wait()

    async def close(self) -> None:
        """Send what is still waiting to be sent, and leave the bus. `run` returns."""
        self._closing = True
        client, self._client = self._client, None
        if client is not None:
            try:
                await client.flush(timeout=1)
            except _FAILURES:
                self._log.warning("the bus did not confirm the last messages")
            await _let_go(client)
        self._lost.set()

    @property
    def connected(self) -> bool:
        return self._client is not None

    @property
    def max_payload(self) -> int:
        """Bytes that a message may have; 1 MiB, the server's default, while there is no connection."""
        return self._client.max_payload if self._client else 1024 * 1024

    def on_connect(self, announcement: Announcement) -> None:
        """Call this at every connection from now on, the subscriptions standing already."""
        self._announcements.append(announcement)

    # ------------------------------------------------------------- messages

    async def publish(self, subject: str, data: bytes, headers: dict[str, str] | None = None, reply: str = "") -> None:
        """Send a message. Raises BusAway, MessageTooLarge."""
        client = self._client
        if client is None:
            raise BusAway("no connection to the bus")
        size = len(data) + (_size(headers) if headers else 0)
        if size > client.max_payload:  # the server would end the connection
            raise MessageTooLarge(size, client.max_payload)
        try:
            await client.publish(subject, data, reply=reply, headers=headers)
        except _FAILURES as error:
            raise BusAway("the bus cannot be written to") from error
        if client.is_closed:
            raise BusAway("the connection to the bus was lost")

    async def request(
        self,
        subject: str,
        data: bytes,
        timeout: float,  # noqa: ASYNC109 - part of the protocol
        headers: dict[str, str] | None = None,
    ) -> bytes:
        """Ask, and wait `timeout` seconds for one answer. Raises NoAnswer, BusAway, MessageTooLarge."""
        number = str(next(self._numbers))
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Msg] = loop.create_future()
        self._answers[number] = future
        timer = loop.call_later(timeout, _expire, future, timeout)  # a fifth of what asyncio.timeout costs
        try:
            await self.publish(subject, data, headers, f"{self._inbox}.{number}")
            message = await future
        finally:
            timer.cancel()
            del self._answers[number]
            if future.done() and not future.cancelled():
                future.exception()  # taken note of, if it came while the message could not be published
        if message.headers and message.headers.get("Status") == _NO_RESPONDERS:
            raise NobodyListens("nobody listens")
        return bytes(message.data)

    async def subscribe(self, subject: str, handler: Handler, queue: str = "") -> None:
        """Hand each message on `subject` to `handler`, one after the other, over all connections to come.

        With `queue`, each message goes to one member of the group of that name.
        """
        subscription = _Subscription(subject, queue, handler)
        self._subscriptions.append(subscription)
        if self._client is not None:
            with contextlib.suppress(*_FAILURES):  # lost just now: the next connection subscribes
                await self._subscribe(self._client, subscription)

    async def flush(self) -> None:
        """Wait until the bus has taken everything that was sent before. Raises BusAway."""
        if self._client is None:
            raise BusAway("no connection to the bus")
        try:
            await self._client.flush(timeout=_CONNECT_TIMEOUT)
        except _FAILURES as error:
            raise BusAway("the bus does not answer") from error

    def jetstream(self, timeout: float = 5) -> JetStreamContext:
        """The durable side of the bus, for as long as this connection lasts. Raises BusAway."""
        if self._client is None:
            raise BusAway("no connection to the bus")
        return self._client.jetstream(timeout=timeout)

    # ------------------------------------------------------------ connecting

    async def _connected_client(self) -> Client | None:
        """A client that is connected; None if `close` was called meanwhile."""
        said, pause = -_SAY_SO_EVERY, 0.05
        while not self._closing:
            try:
                return await self._connect()
            except _FAILURES as error:
                if time.monotonic() - said >= _SAY_SO_EVERY:
                    said = time.monotonic()
                    reason = self._heard or str(error)
                    self._log.warning("waiting for the bus", hostname=self.address.hostname, reason=reason)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads attempts, guards nothing
            pause = min(pause * 2, _LONGEST_PAUSE)
        return None

    async def _connect(self) -> Client:
        client = _Client()
        self._heard = ""

        async def heard(error: Exception) -> None:
            self._heard = str(error)
            if _is_complaint(error):
                self._log.warning("the bus complains", reason=self._heard)

        async def closed() -> None:
            if self._client is client:
                self._lost.set()

        try:
            await client.connect(
                f"nats://{self.address.hostname}",
                token=self.address.token,
                name=self._name,
                allow_reconnect=False,
                max_reconnect_attempts=1,  # 0 would mean: without end
                reconnect_time_wait=0,
                connect_timeout=_CONNECT_TIMEOUT,
                ping_interval=_PING_EVERY,
                error_cb=heard,
                closed_cb=closed,
                pending_size=_PENDING,
                flush_timeout=_FLUSHED_WITHIN,
                # subjects are checked once, in the config
                skip_subject_validation=True,
            )
        except BaseException as error:
            await _let_go(client)  # a client that could not connect keeps its socket otherwise
            if _is_refusal(error):
                where = self.address.hostname
                raise BusRefused(f"the bus at {where} refuses the token (service_bus.token, NATS_TOKEN)") from error
            raise
        if self._closing:
            await _let_go(client)
        return client

    async def _begin(self, client: Client) -> None:
        self._lost.clear()
        self._inbox = client.new_inbox()
        self._client = client
        try:
            await client.subscribe(f"{self._inbox}.*", cb=self._answered)
            for subscription in list(self._subscriptions):  # who comes meanwhile sees the client and subscribes
                await self._subscribe(client, subscription)
            await client.flush(timeout=_CONNECT_TIMEOUT)
        except _FAILURES:
            await _let_go(client)
            if not self._closing:
                await asyncio.sleep(_LONGEST_PAUSE)  # a bus that takes us and drops us is not asked without end
            return
        self._opened.set()
        self._log.info("connected to the bus", hostname=self.address.hostname)
        for announcement in self._announcements:
            try:
                await announcement(self)
            except BusAway:
                return
            except BusError as error:
                self._log.warning("connection not announced", reason=str(error))

    async def _until_closed(self, client: Client) -> None:
        """Wait until the client is closed. It says so; that it does is not relied upon."""
        while not client.is_closed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY):
                    await self._lost.wait()
                    return

    def _end(self, client: Client) -> None:
        self._client = None
        for future in self._answers.values():
            if not future.done():
                future.set_exception(BusAway("the connection to the bus was lost"))
        if not self._closing:
            reason = str(client.last_error or self._heard)
            self._log.warning("lost the bus", hostname=self.address.hostname, reason=reason)

    async def _subscribe(self, client: Client, subscription: _Subscription) -> None:
        async def deliver(message: Msg) -> None:
            try:
                await subscription.handler(Message(self, message))
            except Exception as error:  # noqa: BLE001 - a border: one bad message must not end the subscription
                self._log.fault("message not handled", error, subject=subscription.subject)

        await client.subscribe(subscription.subject, queue=subscription.queue, cb=deliver)

    async def _answered(self, message: Msg) -> None:
        future = self._answers.get(message.subject.rpartition(".")[2])
        if future is not None and not future.done():
            future.set_result(message)


async def _let_go(client: Client) -> None:
    """Close a client, whatever state it is in. A bus that does not even read is not waited for."""
    with contextlib.suppress(*_FAILURES):
        async with asyncio.timeout(_CLOSED_WITHIN):
            await client.close()


def _size(headers: Mapping[str, str]) -> int:
    """Bytes that headers take in a message: they count towards max_payload."""
    return len("NATS/1.0\r\n\r\n") + sum(len(f"{name}: {value}\r\n".encode()) for name, value in headers.items())


def _is_complaint(error: Exception) -> bool:
    """Tell whether an error leaves the connection as it is, and matters: messages dropped, a subject not allowed."""
    return isinstance(error, nats.errors.SlowConsumerError) or "permissions violation" in str(error).lower()


def _expire(future: asyncio.Future[Msg], seconds: float) -> None:
    if not future.done():
        future.set_exception(NoAnswer(f"no answer in {round(seconds * 1000)} ms"))


def _is_refusal(error: BaseException) -> bool:
    return isinstance(error, nats.errors.AuthorizationError) or "authorization violation" in str(error).lower()


def is_subject(text: str) -> bool:
    """Tell whether `text` is a subject without wildcards: letters, digits, `.` and `_`."""
    return bool(text) and all(part.replace("_", "a").isalnum() and part.isascii() for part in text.split("."))
