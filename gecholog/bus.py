"""The service bus: the only file that imports nats.

`Bus.run` keeps one connection for as long as the service lives. It does not use the client library's own reconnecting:
that one retries a refused token, and closes for good on errors that a new connection mends.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import nats.errors
from nats.aio.client import Client

from gecholog.errors import BusAway, BusRefused, MessageTooLarge, NoAnswer

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
            await self._begin(client)
            await self._lost.wait()
            self._end()

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
            except (nats.errors.Error, OSError, TimeoutError):
                self._log.warning("the bus did not confirm the last messages")
            await client.close()
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
        if len(data) > client.max_payload:
            raise MessageTooLarge(len(data), client.max_payload)
        try:
            await client.publish(subject, data, reply=reply, headers=headers)
        except (nats.errors.Error, OSError) as error:
            raise BusAway("the bus cannot be written to") from error

    async def request(
        self,
        subject: str,
        data: bytes,
        timeout: float,  # noqa: ASYNC109 - part of the protocol
        headers: dict[str, str] | None = None,
    ) -> bytes:
        """Ask, and wait `timeout` seconds for one answer. Raises NoAnswer, BusAway, MessageTooLarge."""
        number = str(next(self._numbers))
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        try:
            await self.publish(subject, data, headers, f"{self._inbox}.{number}")
            async with asyncio.timeout(timeout):
                message = await future
        except TimeoutError as error:
            raise NoAnswer(f"no answer in {round(timeout * 1000)} ms") from error
        finally:
            del self._answers[number]
        if message.headers and message.headers.get("Status") == _NO_RESPONDERS:
            raise NoAnswer("nobody listens")
        return bytes(message.data)

    async def subscribe(self, subject: str, handler: Handler, queue: str = "") -> None:
        """Hand each message on `subject` to `handler`, one after the other, over all connections to come.

        With `queue`, each message goes to one member of the group of that name.
        """
        subscription = _Subscription(subject, queue, handler)
        self._subscriptions.append(subscription)
        if self._client is not None:
            await self._subscribe(self._client, subscription)

    async def flush(self) -> None:
        """Wait until the bus has taken everything that was sent before. Raises BusAway."""
        if self._client is None:
            raise BusAway("no connection to the bus")
        try:
            await self._client.flush(timeout=_CONNECT_TIMEOUT)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise BusAway("the bus does not answer") from error

    def jetstream(self, timeout: float = 5) -> JetStreamContext:
        """The durable side of the bus, for as long as this connection lasts. Raises BusAway."""
        if self._client is None:
            raise BusAway("no connection to the bus")
        return self._client.jetstream(timeout=timeout)

    # ------------------------------------------------------------ connecting

    async def _connected_client(self) -> Client | None:
        """A client that is connected; None if `close` was called meanwhile."""
        said, pause = 0.0, 0.05
        while not self._closing:
            try:
                return await self._connect()
            except (nats.errors.Error, OSError, TimeoutError) as error:
                if time.monotonic() - said >= _SAY_SO_EVERY:
                    said = time.monotonic()
                    reason = self._heard or str(error)
                    self._log.warning("waiting for the bus", hostname=self.address.hostname, reason=reason)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads attempts, guards nothing
            pause = min(pause * 2, _LONGEST_PAUSE)
        return None

    async def _connect(self) -> Client:
        client = Client()

        async def heard(error: Exception) -> None:
            self._heard = str(error)

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
                error_cb=heard,
                closed_cb=closed,
                pending_size=_PENDING,
                # subjects are checked once, in the config
                skip_subject_validation=True,
            )
        except nats.errors.Error as error:
            if _is_refusal(error):
                where = self.address.hostname
                raise BusRefused(f"the bus at {where} refuses the token (service_bus.token, NATS_TOKEN)") from error
            raise
        return client

    async def _begin(self, client: Client) -> None:
        self._lost.clear()
        self._inbox = client.new_inbox()
        self._client = client
        if client.is_closed:  # lost before anybody could hear of it
            self._lost.set()
            return
        try:
            await client.subscribe(f"{self._inbox}.*", cb=self._answered)
            for subscription in self._subscriptions:
                await self._subscribe(client, subscription)
            await client.flush(timeout=_CONNECT_TIMEOUT)
        except (nats.errors.Error, OSError, TimeoutError):
            await client.close()
            self._lost.set()
            return
        self._opened.set()
        self._log.info("connected to the bus", hostname=self.address.hostname)
        for announcement in self._announcements:
            try:
                await announcement(self)
            except BusAway:
                return

    def _end(self) -> None:
        self._client = None
        for future in self._answers.values():
            if not future.done():
                future.set_exception(BusAway("the connection to the bus was lost"))
        if not self._closing:
            self._log.warning("lost the bus", hostname=self.address.hostname)

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


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, nats.errors.AuthorizationError) or "authorization violation" in str(error).lower()


def is_subject(text: str) -> bool:
    """Tell whether `text` is a subject without wildcards: letters, digits, `.` and `_`."""
    return bool(text) and all(part.replace("_", "a").isalnum() and part.isascii() for part in text.split("."))
