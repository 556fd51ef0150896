"""Watches a key-value bucket: all existing entries, then every change.

A watch is an ordered consumer of the bucket's stream (ADR-17, https://github.com/nats-io/nats-architecture-and-design).
It acknowledges nothing. If the sequence numbers show a gap, it restarts with a new consumer.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gecholog.ack_subject import AckSubject
from gecholog.bus import Bus, BusMessage
from gecholog.errors import BusAway, BusError
from gecholog.jetstream import NANOSECONDS, understood
from gecholog.logs import Log

log = Log("watch")

_HEARTBEAT = 2.0  # seconds between idle heartbeats of the server
_SILENCE = 3 * _HEARTBEAT  # seconds without a heartbeat, after which the watch restarts
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between attempts to begin a watch
_LOOK_AGAIN = 60.0  # seconds between attempts to raise the replicas of a bucket that has too few
_INACTIVE = 5.0  # seconds after which the server removes a consumer without a subscriber
_CONTROL = "100"  # status of a heartbeat, or of a request for flow control
_REMOVALS = frozenset({"DEL", "PURGE"})


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a bucket. `value` is None if the key was deleted. Revisions increase over the whole bucket."""

    key: str
    value: bytes | None
    revision: int


Handler = Callable[[Entry], Awaitable[None]]


class Bucket(Protocol):
    """The watched bucket. `prefix` precedes keys in subjects."""

    @property
    def bucket(self) -> str: ...

    @property
    def prefix(self) -> str: ...

    @property
    def is_short(self) -> bool: ...

    async def ensure(self) -> None:
        """Create it if it is missing, and set `is_short` if it has too few replicas. Raises BusError."""

    async def consume(self, consumer: str, inbox: str, keys: str) -> int:
        """Create a consumer that sends entries to `inbox`. Returns the number of entries. Raises BusError."""


class Watch:
    """Watches a bucket. It restarts whenever it may have missed an entry."""

    def __init__(
        self, bus: Bus, bucket: Bucket, handler: Handler, keys: str, begins: Callable[[], None] | None = None
    ) -> None:
        self._bus = bus
        self._bucket = bucket
        self._handler = handler
        self._keys = keys
        self._begins = begins or _nothing
        self._known: set[str] = set()
        self._current = asyncio.Event()
        self._connected = asyncio.Event()
        self._round = _Round(self._bus, self._bucket.prefix, self._tell, self._complete)
        bus.on_connect(self._announce)
        self._following = asyncio.create_task(self._follow(), name=f"watch {bucket.bucket}")

    @property
    def current(self) -> bool:
        """Whether the handler has had all entries, and no gap is known."""
        return self._current.is_set() and self._bus.connected

    async def caught_up(self) -> None:
        """Wait until the watch is current."""
        await self._current.wait()

    async def close(self) -> None:
        """Stop watching."""
        self._following.cancel()
        await asyncio.wait({self._following})

    async def _announce(self, _: Bus) -> None:
        self._connected.set()
        self._current.clear()
        self._round.over.set()

    async def _follow(self) -> None:
        pause = _SHORTEST_PAUSE
        while True:
            self._connected.clear()
            self._round = _Round(self._bus, self._bucket.prefix, self._tell, self._complete)
            try:
                await self._begin(self._round)
                pause = _SHORTEST_PAUSE
                while not await self._round.lasts(_LOOK_AGAIN):
                    await self._complete_replicas()
            except BusAway:
                await self._until_connected(_LONGEST_PAUSE)
            except BusError as error:
                log.warning("bucket not watched", bucket=self._bucket.bucket, reason=str(error))
                await self._until_connected(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            except Exception as error:  # noqa: BLE001 - a border: a watch ends when it is closed, not before
                log.fault("bucket not watched", error, bucket=self._bucket.bucket)
                await self._until_connected(_LONGEST_PAUSE)
            finally:
                self._current.clear()
                self._round.over.set()
                await self._bus.unsubscribe(self._round.inbox)

    async def _complete_replicas(self) -> None:
        if self._bucket.is_short:
            with contextlib.suppress(BusError):
                await self._bucket.ensure()

    async def _until_connected(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._connected.wait()

    async def _begin(self, watching: _Round) -> None:
        await self._bucket.ensure()
        self._begins()
        await self._bus.subscribe(watching.inbox, watching.take)
        await watching.expect(await self._bucket.consume(watching.consumer, watching.inbox, self._keys))

    async def _tell(self, entry: Entry) -> None:
        """Hand an entry to the handler."""
        if entry.value is None:
            self._known.discard(entry.key)
        else:
            self._known.add(entry.key)
        try:
            await self._handler(entry)
        except Exception as error:  # noqa: BLE001 - a border: one bad entry must not end the watch
            log.fault("entry not handled", error, bucket=self._bucket.bucket, key=entry.key)

    async def _complete(self, seen: set[str]) -> None:
        """All entries were delivered: known keys without an entry were deleted meanwhile."""
        for key in sorted(self._known - seen):
            await self._tell(Entry(key, None, 0))
        self._current.set()


class _Round:
    """One run of a watch, from its start to the first gap: one consumer and one inbox."""

    def __init__(self, bus: Bus, prefix: str, tell: Handler, complete: Callable[[set[str]], Awaitable[None]]) -> None:
        """`complete` is called with the keys of all existing entries when they have been delivered."""
        self._bus = bus
        self._prefix = prefix
        self._tell = tell
        self._complete = complete
        self.consumer = f"watch_{secrets.token_hex(8)}"
        self.inbox = f"_INBOX.{self.consumer}"
        self.over = asyncio.Event()
        self._heard = asyncio.get_running_loop().time()
        self._count = 0  # messages so far; the consumer numbers them, which reveals gaps
        self._expected: int | None = None  # number of entries at the start
        self._seen: set[str] = set()
        self._settled = False
        self._one_at_a_time = asyncio.Lock()

    async def lasts(self, seconds: float) -> bool:
        """Wait for `seconds`, the end of the round or a missing heartbeat. Returns whether the round is over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self.over.is_set() and (left := self._heard + _SILENCE - loop.time()) > 0:
            if (rest := until - loop.time()) <= 0:
                return False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, rest)):
                    await self.over.wait()
        return True

    async def expect(self, entries: int) -> None:
        """Set the number of existing entries, which are delivered first."""
        async with self._one_at_a_time:
            self._expected = entries
            await self._settle(pending=1)

    async def take(self, message: BusMessage) -> None:
        async with self._one_at_a_time:
            if self.over.is_set():
                return
            try:
                await self._take(message)
            except BusError:  # the bus is away, or this is not JetStream's
                self.over.set()
            self._heard = asyncio.get_running_loop().time()

    async def _take(self, message: BusMessage) -> None:
        if (place := AckSubject.parse(message.reply)) is not None:
            await self._take_entry(message, place)
        elif message.headers.get("Status") == _CONTROL:
            await self._take_control(message)
        else:  # the server ends the consumer
            self.over.set()

    async def _take_entry(self, message: BusMessage, place: AckSubject) -> None:
        if place.consumer_sequence != self._count + 1:
            self.over.set()
            return
        self._count = place.consumer_sequence
        entry = _entry(message, self._prefix, place.stream_sequence)
        self._seen.add(entry.key)
        await self._tell(entry)
        await self._settle(place.pending)

    async def _settle(self, pending: int) -> None:
        reached = self._expected is not None and self._count >= self._expected
        if not (self._settled or self.over.is_set()) and (reached or pending == 0):
            self._settled = True
            await self._complete(self._seen)
            self._seen = set()

    async def _take_control(self, message: BusMessage) -> None:
        """Handle a heartbeat, which has the number of messages so far, or reply to a request for flow control."""
        stalled = message.headers.get("Nats-Consumer-Stalled")
        if message.reply:
            await message.answer(b"")
        elif stalled:
            await self._bus.publish(stalled, b"")
        with understood():
            if int(message.headers.get("Nats-Last-Consumer", self._count)) != self._count:
                self.over.set()


def _nothing() -> None:
    """The default of `begins`."""


def _entry(message: BusMessage, prefix: str, revision: int) -> Entry:
    value = None if is_removal(message.headers) else message.data
    return Entry(message.subject.removeprefix(prefix), value, revision)


def is_removal(headers: Mapping[str, str]) -> bool:
    """Tell whether a message is a deletion. The server also marks entries that it removed for their age (ADR-48)."""
    return headers.get("KV-Operation") in _REMOVALS or "Nats-Marker-Reason" in headers


def consumer_config(consumer: str, inbox: str, subject: str) -> dict[str, Any]:
    """The config of a consumer without acknowledgements, which the server removes when it has no subscriber."""
    return {
        "name": consumer,
        "deliver_subject": inbox,
        "deliver_policy": "last_per_subject",
        "filter_subject": subject,
        "ack_policy": "none",
        "max_deliver": 1,
        "mem_storage": True,
        "num_replicas": 1,
        "flow_control": True,
        "idle_heartbeat": int(_HEARTBEAT * NANOSECONDS),
        "inactive_threshold": int(_INACTIVE * NANOSECONDS),
    }
