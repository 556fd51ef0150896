"""The service bus: a NATS client that reconnects whenever its connection is lost.

It connects to any server of a cluster. When that server is about to shut down, the bus moves to another server before
it closes the connection.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from gecholog.bus_address import BusAddress
from gecholog.deadline_timer import NEVER, DeadlineTimer
from gecholog.dialer import FAILURES, Dialer, wait_for
from gecholog.errors import BusAway, BusError, NoAnswer, NobodyListens, NotPermitted
from gecholog.log_throttle import LogThrottle
from gecholog.subscription import BusMessage, Handler, Subscription

if TYPE_CHECKING:
    from gecholog.logs import Log
    from gecholog.server_info import ServerInfo
    from gecholog.wire import Delivery, Wire

__all__ = ["Answered", "Bus", "BusAddress", "BusMessage", "Handler"]

Announcement = Callable[["Bus"], Awaitable[None]]
Answered = Callable[[bytes | BusError], None]

_NO_RESPONDERS = b"NATS/1.0 503"  # the header of the server's reply if there is no subscriber
_CONFIRMED_WITHIN = 2.0  # seconds for the server to process what was sent
_DROPPED_PAUSE = 1.0  # seconds; a bus that accepts and drops connections must not cause a busy loop
_DRAINED_WITHIN = (
    2.0  # seconds that a publisher is held up by a slow bus; without a limit it would never hear of a loss
)
_OLD_CONNECTION = 6.0  # seconds that the old connection stays open for replies after a move to another server
_OVERLAP = 1.0  # seconds for which it stays subscribed, until the cluster knows the new subscriptions
_COMPLAIN_EVERY = 60.0  # seconds between log lines about the same denied subject
_NOT_PERMITTED = re.compile(r'for publish to "(?P<subject>[^"]+)"', re.IGNORECASE)


_Question = tuple[Answered, float, float, str]
"""A pending request: its callback, its deadline (by the loop's clock), its time-out in seconds, its subject."""


class Bus:
    """A client of the bus that reconnects whenever its connection is lost."""

    def __init__(self, address: BusAddress, name: str, log: Log, inboxes: str = "_INBOX") -> None:
        """`name` is shown by the bus's monitor for this connection.

        Reply subjects begin with `inboxes`: a bus may restrict a user to a prefix.
        """
        self.address = address
        self._dialer = Dialer(address, name, log, self)
        self._log = log
        self._wire: Wire | None = None  # the connection that sends messages
        self._listening: list[Wire] = []  # connections with subscriptions, including one that is about to take over
        self._retiring: dict[Wire, asyncio.Task[None]] = {}  # old connections after a move
        self._throttle = LogThrottle(_COMPLAIN_EVERY)
        self._max_payload = 1024 * 1024
        self._opened = asyncio.Event()
        self._closing = asyncio.Event()
        self._subscriptions: list[Subscription] = []
        self._announcements: list[Announcement] = []
        self._questions: dict[str, _Question] = {}  # pending requests by reply subject
        self._deadline_timer = DeadlineTimer(self._expire)
        self._inboxes = inboxes
        self._inbox = self.new_inbox()
        self._numbers = count(1)

    # ---------------------------------------------------------------- life

    async def run(self) -> None:
        """Connect, and connect again when the connection is lost, until `close`.

        Raises BusRefused if the bus cannot be used with this config: at the start for any reason, later if all of its
        servers refuse the credentials.
        """
        while not self._closing.is_set():
            connection = await self._dialer.connect(self._closing)
            if connection is None:
                return
            try:
                await self._serve(connection)
            finally:
                self._end()

    async def opened(self) -> None:
        """Wait until the bus has been reached for the first time."""
        await self._opened.wait()

    async def close(self) -> None:
        """Send queued messages, and disconnect. `run` returns."""
        self._closing.set()
        connection, self._wire = self._wire, None
        if connection is not None:
            try:
                async with asyncio.timeout(1):
                    await connection.ping()
            except FAILURES:
                self._log.warning("the bus did not confirm the last messages")
            await connection.close()
        for subscription in self._subscriptions:
            subscription.cancel()

    def new_inbox(self) -> str:
        """A unique reply subject, for replies that `request` does not handle."""
        return f"{self._inboxes}.{secrets.token_hex(11)}"

    @property
    def connected(self) -> bool:
        return self._wire is not None

    @property
    def max_payload(self) -> int:
        """The maximum size of a message in bytes, according to the server; 1 MiB before the first connection."""
        return self._wire.max_payload if self._wire else self._max_payload

    def on_connect(self, announcement: Announcement) -> None:
        """Call `announcement` at every connection from now on, after the subscriptions are active."""
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
        if connection.drained is not None:
            await _wait_until_drained(connection.drained, _DRAINED_WITHIN)
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
        """Send a request, and wait `timeout` seconds for one reply; `headers` and `lazily` as in `publish`.

        Raises NoAnswer, NobodyListens, BusAway, MessageTooLarge.
        """
        connection = self._present()
        loop = connection.loop
        if connection.drained is not None:
            since = loop.time()
            await _wait_until_drained(connection.drained, min(timeout, _DRAINED_WITHIN))
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
        """Publish without waiting. Raises BusAway (also while the bus is slow), MessageTooLarge."""
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
        """Send a request without waiting: `answered` is called with the reply or the error.

        `answered` must not raise. Raises BusAway (also while the bus is slow), MessageTooLarge: nothing was sent then.
        """
        self._ask(self._quick(), subject, data, timeout, answered, headers=headers, lazily=lazily)

    def _quick(self) -> Wire:
        """The connection, if it can send at once. Raises BusAway."""
        connection = self._present()
        if connection.drained is not None:
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
        """Send a request. Returns its reply subject."""
        inbox = f"{self._inbox}.{next(self._numbers)}"
        connection.publish(subject, data, inbox, headers, lazily=lazily)
        due = connection.loop.time() + timeout
        self._questions[inbox] = (answered, due, timeout, subject)
        if due < self._deadline_timer.next:
            self._deadline_timer.set(due)
        return inbox

    def respond(self, connection: Wire, subject: str, data: bytes) -> Awaitable[None]:
        """Publish a reply to a message that was received on `connection`. Must be awaited.

        A server may allow a reply only on the connection of its request. Raises the same as `publish`.
        """
        if self._retiring and connection in self._retiring and not connection.lost.done():
            return self._respond_over(connection, subject, data)
        return self.publish(subject, data)

    async def _respond_over(self, connection: Wire, subject: str, data: bytes) -> None:
        connection.publish(subject, data)

    async def subscribe(self, subject: str, handler: Handler, queue: str = "") -> None:
        """Pass each message on `subject` to `handler`, one after another, on this and all later connections.

        With `queue`, each message goes to one member of the group of that name.
        """
        subscription = Subscription(self, subject, queue, handler, self._log)
        self._subscriptions.append(subscription)
        for connection in self._listening:
            subscription.begin(connection)

    async def unsubscribe(self, subject: str) -> None:
        """End the subscription of `subject`. Returns when all messages that the bus has sent are handled."""
        ended = [subscription for subscription in self._subscriptions if subscription.subject == subject]
        for subscription in ended:
            self._subscriptions.remove(subscription)
        for subscription in ended:
            for connection in list(subscription.sids):
                await subscription.end(connection)
            await subscription.finish()

    async def flush(self) -> None:
        """Wait until the bus has processed everything that was sent before. Raises BusAway."""
        if self._wire is None:
            raise BusAway("no connection to the bus")
        try:
            async with asyncio.timeout(_CONFIRMED_WITHIN):
                await self._wire.ping()
        except TimeoutError as error:
            raise BusAway("the bus does not answer") from error

    # ------------------------------------------------------------ connections

    async def _serve(self, connection: Wire) -> None:
        """Use a connection, and its successors after moves to other servers, until the last one is lost."""
        if self._closing.is_set():
            connection.abort()
            return
        self._wire = connection
        try:
            await self._listen(connection)
        except FAILURES as error:
            self._lost(connection, str(error))
            await wait_for(self._closing, _DROPPED_PAUSE)
            return
        self._opened.set()
        self._log.info("connected to the bus", hostname=str(connection.server))
        await self._announce()
        while (successor := await self._successor(connection)) is not None:
            connection = successor
            await self._announce()
        self._lost(connection, await asyncio.shield(connection.lost))

    async def _listen(self, connection: Wire) -> None:
        """Subscribe everything on a connection. Raises BusError, TimeoutError."""
        self._listening.append(connection)
        connection.subscribe(f"{self._inbox}.*", self._answered)
        for subscription in self._subscriptions:
            subscription.begin(connection)
        async with asyncio.timeout(_CONFIRMED_WITHIN):
            await connection.ping()

    async def _successor(self, connection: Wire) -> Wire | None:
        """Wait until the server is about to shut down, and move to another one. Returns None if the connection is lost.

        Both connections are subscribed for a second, so that no message is missed. Messages outside queue groups may be
        received twice.
        """
        either: set[asyncio.Future[Any]] = {connection.lost, connection.draining}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if connection.lost.done() or self._closing.is_set():
            return None
        self._log.info("the server of the bus shuts down, moving to another", hostname=str(connection.server))
        successor = await self._dialer.connect_elsewhere(connection, self._closing)
        if successor is None:
            self._log.warning("no other server of the bus is reached", hostname=str(connection.server))
            return None
        try:
            await self._listen(successor)
        except FAILURES:
            self._drop(successor)
            return None
        self._wire = successor
        retiring = asyncio.create_task(self._retire(connection), name="old connection to the bus")
        self._retiring[connection] = retiring
        self._log.info("moved to another server of the bus", hostname=str(successor.server))
        return successor

    async def _retire(self, connection: Wire) -> None:
        """Keep an old connection, and handle its messages, until the whole cluster knows the new subscriptions.

        The new server has the subscriptions at once, but the other servers learn of them later. Without the old ones,
        they would see no subscriber for a moment.
        """
        try:
            async with asyncio.timeout(_OLD_CONNECTION):
                await asyncio.wait({connection.lost}, timeout=_OVERLAP)
                await asyncio.gather(*(subscription.end(connection) for subscription in self._subscriptions))
                await asyncio.shield(connection.lost)
        except TimeoutError:
            await connection.close()
        finally:
            self._drop(connection)

    def _drop(self, connection: Wire) -> None:
        """Close a connection at once, and remove it."""
        connection.abort()
        self._retiring.pop(connection, None)
        if connection in self._listening:
            self._listening.remove(connection)
        for subscription in self._subscriptions:
            subscription.sids.pop(connection, None)

    def informed(self, info: ServerInfo) -> None:
        """Handle a change of the cluster."""
        if self._wire is not None:
            self._dialer.informed(info, self._wire.server)

    def complained(self, text: str) -> None:
        """Handle a denied subject: pending requests to it fail."""
        if self._throttle.admit(text):
            self._log.warning("the bus complains", reason=text)
        if match := _NOT_PERMITTED.search(text):
            inboxes = [inbox for inbox, question in self._questions.items() if question[3] == match["subject"]]
            for inbox in inboxes:
                self._questions.pop(inbox)[0](NotPermitted(f"publishing on {match['subject']} is not allowed"))

    async def _announce(self) -> None:
        for announcement in self._announcements:
            try:
                await announcement(self)
            except BusAway:
                return
            except BusError as error:
                self._log.warning("connection not announced", reason=str(error))

    def _lost(self, connection: Wire, reason: str) -> None:
        self._max_payload = self.max_payload
        self._wire = None
        if not self._closing.is_set():
            self._log.warning("lost the bus", hostname=str(connection.server), reason=reason)

    def _end(self) -> None:
        """Clean up after the last connection."""
        self._wire = None
        for retiring in self._retiring.values():
            retiring.cancel()
        for connection in list(self._listening):
            self._drop(connection)
        self._deadline_timer.cancel()
        questions, self._questions = self._questions, {}
        for answered, _, _, _ in questions.values():
            answered(BusAway("the connection to the bus was lost"))

    def _answered(self, delivery: Delivery, _: Wire) -> None:
        question = self._questions.pop(delivery.subject, None)
        if question is None:
            return  # too late, or not the first reply
        if delivery.headers.startswith(_NO_RESPONDERS):
            question[0](NobodyListens(f"no subscriber on {question[3]}"))
        else:
            question[0](delivery.data)

    def _expire(self, by: float) -> float:
        """Fail the requests whose deadline has passed. Returns the next deadline."""
        for inbox in [inbox for inbox, question in self._questions.items() if question[1] <= by]:
            answered, _, timeout, _ = self._questions.pop(inbox)
            answered(NoAnswer(f"no answer in {round(timeout * 1000)} ms"))
        return min((question[1] for question in self._questions.values()), default=NEVER)


async def _wait_until_drained(drained: asyncio.Future[None], seconds: float) -> None:
    """Wait until a slow bus has read some of the queued data. Raises BusAway."""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.shield(drained)
    except TimeoutError as error:
        raise BusAway("the bus does not take what is sent") from error


def _resolve(future: asyncio.Future[bytes], answer: bytes | BusError) -> None:
    if future.done():
        return
    if isinstance(answer, BusError):
        future.set_exception(answer)
    else:
        future.set_result(answer)
