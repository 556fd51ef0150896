"""The service bus: messages to and from a NATS server, over one connection that is made again whenever it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from gecholog import wire
from gecholog.deadline_timer import NEVER, DeadlineTimer
from gecholog.errors import BusAway, BusError, BusRefused, NoAnswer, NobodyListens
from gecholog.wire import Login, Wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gecholog.logs import Log
    from gecholog.wire import Delivery

Handler = Callable[["Message"], Awaitable[None]]
Announcement = Callable[["Bus"], Awaitable[None]]
Answered = Callable[[bytes | BusError], None]

_NO_RESPONDERS = b"NATS/1.0 503"  # the header of the server's own answer: no subscriber
_SAY_SO_EVERY = 5.0  # seconds
_LONGEST_PAUSE = 1.0  # seconds between attempts: a bus that is back is found soon
_CONNECT_TIMEOUT = 2.0  # seconds
_ROOM_WITHIN = 2.0  # seconds that a publisher is held up by a slow bus; without a limit it would never hear of a loss
_WAITING_BYTES = 128 * 1024 * 1024  # of messages that came in and wait for their handler

_FAILURES = (BusError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class BusAddress:
    """Where the bus is, and the token it asks for."""

    hostname: str
    token: str = field(repr=False)


class Message:
    """A message that came in. `reply` is the subject for an answer, empty if none is wanted."""

    __slots__ = ("_bus", "_headers", "data", "reply", "subject")

    def __init__(self, bus: Bus, delivery: Delivery) -> None:
        self._bus = bus
        self._headers = delivery.headers
        self.subject = delivery.subject
        self.reply = delivery.reply
        self.data = delivery.data

    @property
    def headers(self) -> Mapping[str, str]:
        """The header lines; what the server itself says is under `Status` and `Description`."""
        return wire.decoded(self._headers) if self._headers else {}

    async def answer(self, data: bytes) -> None:
        """Answer the sender. A message that wants no answer gets none; raises as `Bus.publish`."""
        if self.reply:
            await self._bus.publish(self.reply, data)


class _Subscription:
    """A subject, and the messages that wait for its handler: one is handled after the other."""

    def __init__(self, bus: Bus, subject: str, queue: str, handler: Handler, log: Log) -> None:
        self.subject = subject
        self.queue = queue
        self.sid = 0  # of the present connection
        self._bus = bus
        self._handler = handler
        self._log = log
        self._waiting: deque[Delivery] = deque()
        self._bytes = 0
        self._dropped = 0
        self._task: asyncio.Task[None] | None = None

    def deliver(self, delivery: Delivery) -> None:
        """A message came in."""
        if self._bytes > _WAITING_BYTES:
            if not self._dropped:
                self._log.warning("messages are dropped: too many wait", subject=self.subject)
            self._dropped += 1
            return
        self._waiting.append(delivery)
        self._bytes += len(delivery.data)
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name=f"messages on {self.subject}")

    async def _work(self) -> None:
        try:
            while self._waiting:
                delivery = self._waiting.popleft()
                self._bytes -= len(delivery.data)
                await self._handle(delivery)
        finally:
            self._task = None
            if self._dropped:
                self._log.warning("messages were dropped", subject=self.subject, messages=self._dropped)
                self._dropped = 0

    async def _handle(self, delivery: Delivery) -> None:
        try:
            await self._handler(Message(self._bus, delivery))
        except Exception as error:  # noqa: BLE001 - a border: one bad message must not end the subscription
            self._log.fault("message not handled", error, subject=self.subject)

    async def finish(self) -> None:
        """Wait until everything that came in has been handled."""
        while (task := self._task) is not None:
            await asyncio.wait([task])

    def cancel(self) -> None:
        """Drop what waits, and end the handler."""
        self._waiting.clear()
        self._bytes = 0
        if self._task is not None:
            self._task.cancel()


_Question = tuple[Answered, float, float, str]
"""What was asked: who wants the answer, until when (by the loop's clock), how many seconds that were, the subject."""


class Bus:
    """One connection to the bus, made again whenever it is lost."""

    def __init__(self, address: BusAddress, name: str, log: Log) -> None:
        """`name` is what the bus's monitor shows for this connection."""
        self.address = address
        self._login = Login(address.hostname, address.token, name)
        self._log = log
        self._wire: Wire | None = None
        self._max_payload = 1024 * 1024
        self._opened = asyncio.Event()
        self._closing = asyncio.Event()
        self._subscriptions: list[_Subscription] = []
        self._announcements: list[Announcement] = []
        self._questions: dict[str, _Question] = {}  # by the subject of the answer
        self._deadline_timer = DeadlineTimer(self._expire)
        self._inbox = f"_INBOX.{secrets.token_hex(11)}"
        self._numbers = count(1)

    # ---------------------------------------------------------------- life

    async def run(self) -> None:
        """Connect, and connect again when the connection is lost, until `close`.

        Raises BusRefused at the first refusal of the token.
        """
        while not self._closing.is_set():
            connection = await self._connected()
            if connection is None:
                return
            try:
                await self._serve(connection)
            finally:
                connection.abort()
                self._end()

    async def opened(self) -> None:
        """Wait until the bus has been reached for the first time."""
        await self._opened.wait()

    async def close(self) -> None:
        """Send what is still waiting to be sent, and leave the bus. `run` returns."""
        self._closing.set()
        connection, self._wire = self._wire, None
        if connection is not None:
            try:
                async with asyncio.timeout(1):
                    await connection.ping()
            except _FAILURES:
                self._log.warning("the bus did not confirm the last messages")
            await connection.close()
        for subscription in self._subscriptions:
            subscription.cancel()

    @property
    def connected(self) -> bool:
        return self._wire is not None

    @property
    def max_payload(self) -> int:
        """Bytes that a message may have, as the server said last; before that 1 MiB, a server's default."""
        return self._wire.max_payload if self._wire else self._max_payload

    def on_connect(self, announcement: Announcement) -> None:
        """Call this at every connection from now on, the subscriptions standing already."""
        self._announcements.append(announcement)

    # ------------------------------------------------------------- messages

    async def publish(
        self,
        subject: str,
        data: bytes,
        headers: bytes = b"",
        reply: str = "",
        *,
        lazily: bool = False,
    ) -> None:
        """Send a message, `headers` as `wire.encoded` writes them.

        `lazily` if it may leave some milliseconds later, together with others. Waits while the bus is slow.
        Raises BusAway, MessageTooLarge.
        """
        connection = self._present()
        if connection.room is not None:
            await _room(connection.room, _ROOM_WITHIN)
        connection.publish(subject, data, reply, headers, lazily=lazily)

    async def request(
        self,
        subject: str,
        data: bytes,
        timeout: float,  # noqa: ASYNC109 - part of the protocol
        headers: bytes = b"",
        *,
        lazily: bool = False,
    ) -> bytes:
        """Ask, and wait `timeout` seconds for one answer; `headers` and `lazily` as in `publish`.

        Raises NoAnswer, NobodyListens, BusAway, MessageTooLarge.
        """
        connection = self._present()
        loop = connection.loop
        if connection.room is not None:
            since = loop.time()
            await _room(connection.room, min(timeout, _ROOM_WITHIN))
            timeout -= loop.time() - since
        future: asyncio.Future[bytes] = loop.create_future()
        answered = partial(_resolve, future)
        inbox = self._ask(connection, subject, data, timeout, answered, headers=headers, lazily=lazily)
        try:
            return await future
        except BaseException:
            self._questions.pop(inbox, None)
            raise

    def tell(self, subject: str, data: bytes, headers: bytes = b"", *, lazily: bool = False) -> None:
        """`publish` for who does not wait. Raises BusAway (also while the bus is slow), MessageTooLarge."""
        self._quick().publish(subject, data, "", headers, lazily=lazily)

    def ask(  # noqa: PLR0913 - a question has these parts
        self,
        subject: str,
        data: bytes,
        timeout: float,
        answered: Answered,
        headers: bytes = b"",
        *,
        lazily: bool = False,
    ) -> None:
        """`request` for who does not wait: `answered` is called with the answer, or with what went wrong.

        `answered` must not raise. Raises BusAway (also while the bus is slow), MessageTooLarge: nothing was sent then.
        """
        self._ask(self._quick(), subject, data, timeout, answered, headers=headers, lazily=lazily)

    def _quick(self) -> Wire:
        """The connection, if it takes something at once. Raises BusAway."""
        connection = self._present()
        if connection.room is not None:
            raise BusAway("the bus does not take what is sent")
        return connection

    def _present(self) -> Wire:
        """The connection. Raises BusAway."""
        if self._wire is None:
            raise BusAway("no connection to the bus")
        return self._wire

    def _ask(  # noqa: PLR0913 - as above
        self,
        connection: Wire,
        subject: str,
        data: bytes,
        timeout: float,
        answered: Answered,
        *,
        headers: bytes,
        lazily: bool,
    ) -> str:
        """Send a question; returns the subject that its answer will have."""
        inbox = f"{self._inbox}.{next(self._numbers)}"
        connection.publish(subject, data, inbox, headers, lazily=lazily)
        due = connection.loop.time() + timeout
        self._questions[inbox] = (answered, due, timeout, subject)
        if due < self._deadline_timer.next:
            self._deadline_timer.set(due)
        return inbox

    async def subscribe(self, subject: str, handler: Handler, queue: str = "") -> None:
        """Hand each message on `subject` to `handler`, one after the other, over all connections to come.

        With `queue`, each message goes to one member of the group of that name.
        """
        subscription = _Subscription(self, subject, queue, handler, self._log)
        self._subscriptions.append(subscription)
        if self._wire is not None:
            _subscribe(self._wire, subscription)

    async def unsubscribe(self, subject: str) -> None:
        """Take no more messages on `subject`; returns when those that the bus had sent have been handled."""
        connection = self._wire  # a later one does not know these subscriptions
        ended = [subscription for subscription in self._subscriptions if subscription.subject == subject]
        for subscription in ended:
            self._subscriptions.remove(subscription)
        for subscription in ended:
            if connection is not None:
                await connection.unsubscribe(subscription.sid)
            await subscription.finish()

    async def flush(self) -> None:
        """Wait until the bus has taken everything that was sent before. Raises BusAway."""
        if self._wire is None:
            raise BusAway("no connection to the bus")
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                await self._wire.ping()
        except TimeoutError as error:
            raise BusAway("the bus does not answer") from error

    # ------------------------------------------------------------ connecting

    async def _connected(self) -> Wire | None:
        """A connection that is ready; None if `close` was called meanwhile."""
        said, pause = -_SAY_SO_EVERY, 0.05
        while not self._closing.is_set():
            try:
                async with asyncio.timeout(_CONNECT_TIMEOUT):
                    return await Wire.open(self._login, self._complained)
            except _FAILURES as error:
                self._check_refusal(error)
                if time.monotonic() - said >= _SAY_SO_EVERY:
                    said = time.monotonic()
                    reason = str(error) or "no answer"
                    self._log.warning("waiting for the bus", hostname=self.address.hostname, reason=reason)
            await self._pause(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads attempts, guards nothing
            pause = min(pause * 2, _LONGEST_PAUSE)
        return None

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def _check_refusal(self, error: Exception) -> None:
        if "authorization violation" in str(error).lower():
            where = self.address.hostname
            raise BusRefused(f"the bus at {where} refuses the token (service_bus.token, NATS_TOKEN)") from error

    def _complained(self, text: str) -> None:
        self._log.warning("the bus complains", reason=text)

    async def _serve(self, connection: Wire) -> None:
        """Be connected, until the connection is lost."""
        if self._closing.is_set():
            return
        self._wire = connection
        try:
            connection.subscribe(f"{self._inbox}.*", self._answered)
            for subscription in self._subscriptions:
                _subscribe(connection, subscription)
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                await connection.ping()
        except _FAILURES as error:
            self._lost(str(error))
            await self._pause(_LONGEST_PAUSE)  # a bus that takes us and drops us is not asked without end
            return
        self._opened.set()
        self._log.info("connected to the bus", hostname=self.address.hostname)
        await self._announce()
        self._lost(await asyncio.shield(connection.lost))

    async def _announce(self) -> None:
        for announcement in self._announcements:
            try:
                await announcement(self)
            except BusAway:
                return
            except BusError as error:
                self._log.warning("connection not announced", reason=str(error))

    def _lost(self, reason: str) -> None:
        self._max_payload = self.max_payload
        self._wire = None
        if not self._closing.is_set():
            self._log.warning("lost the bus", hostname=self.address.hostname, reason=reason)

    def _end(self) -> None:
        self._wire = None
        self._deadline_timer.cancel()
        questions, self._questions = self._questions, {}
        for answered, _, _, _ in questions.values():
            answered(BusAway("the connection to the bus was lost"))

    def _answered(self, delivery: Delivery) -> None:
        question = self._questions.pop(delivery.subject, None)
        if question is None:
            return  # it came too late, or another one was first
        if delivery.headers.startswith(_NO_RESPONDERS):
            question[0](NobodyListens(f"no subscriber on {question[3]}"))
        else:
            question[0](delivery.data)

    def _expire(self, by: float) -> float:
        """Nobody waits any more for what is due; returns when the next question is."""
        for inbox in [inbox for inbox, question in self._questions.items() if question[1] <= by]:
            answered, _, timeout, _ = self._questions.pop(inbox)
            answered(NoAnswer(f"no answer in {round(timeout * 1000)} ms"))
        return min((question[1] for question in self._questions.values()), default=NEVER)


def _subscribe(connection: Wire, subscription: _Subscription) -> None:
    subscription.sid = connection.subscribe(subscription.subject, subscription.deliver, subscription.queue)


async def _room(room: asyncio.Future[None], seconds: float) -> None:
    """Wait until a slow bus has taken some of what waits. Raises BusAway."""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.shield(room)
    except TimeoutError as error:
        raise BusAway("the bus does not take what is sent") from error


def _resolve(future: asyncio.Future[bytes], answer: bytes | BusError) -> None:
    if future.done():
        return
    if isinstance(answer, BusError):
        future.set_exception(answer)
    else:
        future.set_result(answer)
