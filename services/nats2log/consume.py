"""Consumes records from the record stream with a durable pull consumer, or without JetStream from a plain subscription.

The choice between the two is made again at every connection to the bus. The module speaks JetStream's own protocol, in
which pull requests and acknowledgements are plain messages (nats-architecture-and-design, ADR-10, ADR-13, ADR-15). Its
status messages say when a pull request has ended, so that one loop can maintain connection, consumer and requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from enum import Enum
from typing import TYPE_CHECKING, Any

from gecholog import rawjson
from gecholog.ack_subject import AckSubject
from gecholog.errors import BusAway, BusError
from gecholog.jetstream import NANOSECONDS, NO_CONSUMER, understood
from gecholog.logs import Log
from gecholog.recordlog import NoRecordLog, RecordLogRefused, ask, ensure_fitting
from services.nats2log.deadletter import DeadLetter
from services.nats2log.entry import RecordEntry
from services.nats2log.in_flight import DeliveryState, InFlight
from services.nats2log.lag import ConsumerLag, measure
from services.nats2log.sinks.sink import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gecholog.bus import Bus, BusMessage
    from gecholog.recordlog import RecordLog
    from services.nats2log.config import SourceConfig
    from services.nats2log.deliver import DeliveryContext

log = Log("consume")

_PULL_BATCH = 1000  # records per pull request
_PULL_BYTES = 16 * 1024 * 1024  # per pull request at least; twice the bus's largest message if that is more
_PULL_EXPIRES_S = 30
# How long records collect in the stream before the next pull request, in seconds. A pull has a fixed cost, so the pause
# is longer when there are many calls. Long pauses at low rates would only delay records.
_LINGER_S, _LONG_LINGER_S = 0.02, 0.06
_BUSY_BATCH = 64  # records of a pull from which on the longer pause is used
_HEARTBEAT_S = 5.0  # interval at which the server sends heartbeats while there are no records
_HEARTBEAT_TIMEOUT_S = 3 * _HEARTBEAT_S  # then the pull request is considered lost
# Records that are not acknowledged within this time are delivered again. It is short, so that recovery from a crash is
# fast. A living process extends it regularly, and remembers what it has written.
_ACK_WAIT_S = 6.0
_IN_PROGRESS_EVERY_S = _ACK_WAIT_S / 3
_TICK_S = 1.0
_ATTACH_AGAIN_S = 60.0  # after JetStream has refused
_MAX_PLAIN_BYTES = 64 * 1024 * 1024  # of pending records without JetStream

_ACK, _IN_PROGRESS = b"+ACK", b"+WPI"
# With a delay: one of our own pull requests may still be open, and the record would come straight back.
_NAK = b'-NAK {"delay":500000000}'  # nanoseconds
_HEARTBEAT_STATUS = "100"
_NORMAL_ENDS = frozenset({"404", "408"})  # no messages; the request expired
_BYTES_EXHAUSTED = "exceeds maxbytes"  # in a 409: the bytes of the request are used up


class RecordSource(Enum):
    """Where records come from."""

    NOTHING = "nothing yet"
    RECORD_LOG = "record log"
    SUBSCRIPTION = "subscription"


class Consumer:
    """Fills the buffer with records, and acknowledges those that were written."""

    def __init__(self, bus: Bus, source_config: SourceConfig, alias: str, context: DeliveryContext) -> None:
        self._bus = bus
        self._source_config = source_config
        self._name = consumer_name(alias)
        self._buffer = context.buffer
        self._dead_letter_file = context.dead_letter_file
        self._counters = context.counters
        self._in_flight = InFlight()
        self.source = RecordSource.NOTHING
        self._log: RecordLog | None = None
        self._inbox = f"_INBOX.{secrets.token_hex(11)}"
        self._wake = asyncio.Event()
        self._attached = asyncio.Event()
        self._must_attach = True
        self._attach_again_at = 0.0
        self._subscribed = False
        self._warned = False
        self._stopping = False
        self._received = 0  # records of the last pull request
        self._caught_up = True  # the last pull request got everything there was
        self._requested = 0  # records that the open pull request may still deliver
        self._last_heard = 0.0  # when the server last sent something for it
        self._last_in_progress = 0.0  # when the ack deadline was last extended
        self._sequence = 0  # stream sequence of the last first delivery
        self._unsent_acks: list[str] = []  # acks to send when the bus is connected again

    # ------------------------------------------------------------- lifecycle

    async def begin(self) -> None:
        """Subscribe. Call it once the bus is connected."""
        self._bus.on_connect(self._connected)
        await self._bus.subscribe(self._inbox, self._on_pull_message)

    async def wait_attached(self) -> None:
        """Wait until the source of records is known and attached."""
        await self._attached.wait()

    async def run(self) -> None:
        """Maintain the consumer and its pull requests until `stop` is called."""
        while not self._stopping:
            try:
                await self._maintain()
            except BusAway:
                pass  # `_connected` wakes this loop
            except BusError as error:
                log.warning("record stream not ready, retrying", reason=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._wake.wait()
            self._wake.clear()

    def stop(self) -> None:
        """Send no more pull requests."""
        self._stopping = True
        self._wake.set()

    async def _connected(self, _: Bus) -> None:
        self._must_attach = True
        self._wake.set()

    # ------------------------------------------------------------- attaching

    async def _maintain(self) -> None:
        self._retry_attach_when_due()
        if self._must_attach:
            await self._attach()
        if self.source is not RecordSource.RECORD_LOG:
            return
        await self._send_in_progress()
        now = time.monotonic()
        if self._requested and now - self._last_heard > _HEARTBEAT_TIMEOUT_S:
            log.warning("no heartbeat from the record stream, retrying")
            self._must_attach = True
            self._wake.set()
        elif not self._requested and len(self._buffer) < _PULL_BATCH and self._buffer.bytes < self._max_bytes():
            await self._pull()

    async def _attach(self) -> None:
        """Attach to the record stream or to a plain subscription. Raises BusError if it has to be retried."""
        self._requested = 0
        try:
            found = None if self._source_config.is_off else await self._durable()
        except RecordLogRefused as error:
            log.error(
                "record stream unavailable, records published while this sink is down are lost", reason=str(error)
            )
            found = None
            self._attach_again_at = time.monotonic() + _ATTACH_AGAIN_S
        if found is None:
            await self._subscribe()
            self.source = RecordSource.SUBSCRIPTION
        else:
            self.source = RecordSource.RECORD_LOG
            unsent, self._unsent_acks = self._unsent_acks, []
            await self._send(unsent, _ACK)
        self._log = found
        self._must_attach = False
        self._attached.set()
        log.info("consuming records", source=self.source.value, subject=self._source_config.subject)

    def _retry_attach_when_due(self) -> None:
        """Retry after JetStream has refused, for example for lack of space."""
        if self._attach_again_at and time.monotonic() > self._attach_again_at:
            self._attach_again_at = 0.0
            self._must_attach = True

    async def _durable(self) -> RecordLog | None:
        """Return the record stream, with our consumer on it. None if JetStream is not enabled."""
        wanted = self._source_config.record_log
        try:
            found = await ensure_fitting(self._bus, self._source_config.subject, wanted)
        except NoRecordLog:
            if not self._warned:
                log.warning("JetStream is not enabled on the bus, records published while this sink is down are lost")
                self._warned = True
            return None
        if found.replicas < wanted.replicas:  # a server may be added, or come back
            log.warning(
                "record stream has fewer replicas than configured", replicas=found.replicas, configured=wanted.replicas
            )
            self._attach_again_at = time.monotonic() + _ATTACH_AGAIN_S
        with understood():
            info = await self._consumer(found)
            self._sequence = info["delivered"]["stream_seq"]
        return found

    async def _consumer(self, found: RecordLog) -> dict[str, Any]:
        """Create or update the consumer. Return its info."""
        stream = found.name
        try:
            info = await ask(self._bus, f"CONSUMER.INFO.{stream}.{self._name}")
        except RecordLogRefused as error:
            if error.code != NO_CONSUMER:
                raise
            current, info = self._start_position(found), {}
        else:
            current = info["config"]
        wanted = current | {
            "durable_name": self._name,
            "ack_policy": "explicit",
            "ack_wait": int(_ACK_WAIT_S * NANOSECONDS),
            "max_ack_pending": 20 * _PULL_BATCH,
            "filter_subject": self._source_config.subject,
        }
        if wanted == current:
            return info
        request = {"stream_name": stream, "config": wanted}
        return await ask(self._bus, f"CONSUMER.DURABLE.CREATE.{stream}.{self._name}", request)

    def _start_position(self, found: RecordLog) -> dict[str, Any]:
        """Return where a new consumer starts.

        If our own was deleted, it continues after the last acknowledged record.
        """
        if (
            self._log is None
            or not self._sequence
            or (self._log.name, self._log.created) != (found.name, found.created)
        ):
            return {"deliver_policy": self._source_config.deliver}
        return {
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._in_flight.oldest() or self._sequence + 1,
        }

    async def _subscribe(self) -> None:
        if not self._subscribed:
            self._subscribed = True  # the bus keeps subscriptions across connections
            await self._bus.subscribe(self._source_config.subject, self._on_plain_message)
            await self._bus.flush()

    # --------------------------------------------------------------- receiving

    async def _pull(self) -> None:
        if self._log is None:
            return
        if self._received and self._caught_up:
            await asyncio.sleep(_LONG_LINGER_S if self._received >= _BUSY_BATCH else _LINGER_S)
        request = self._request_available() if self._received else self._request_next()
        self._requested = request["batch"]
        self._caught_up = not self._received
        self._received = 0
        self._last_heard = time.monotonic()
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._log.name}.{self._name}"
        await self._bus.publish(subject, rawjson.dumps(request), reply=self._inbox)

    def _request_next(self) -> dict[str, Any]:
        """Return a pull request for the next record, whenever it arrives."""
        return {
            "batch": 1,
            "expires": _PULL_EXPIRES_S * NANOSECONDS,
            "idle_heartbeat": int(_HEARTBEAT_S * NANOSECONDS),
        }

    def _request_available(self) -> dict[str, Any]:
        """Return a pull request for all available records. Pulling them one by one would cost much more."""
        return {"batch": _PULL_BATCH, "max_bytes": self._max_bytes(), "no_wait": True}

    def _max_bytes(self) -> int:
        # A record that does not fit into the request would never be delivered.
        return max(_PULL_BYTES, 2 * self._bus.max_payload)

    async def _on_pull_message(self, message: BusMessage) -> None:
        self._last_heard = time.monotonic()
        place = AckSubject.parse(message.reply)
        if place is None:
            self._on_status(message.headers)
            return
        self._requested = max(0, self._requested - 1)
        self._received += 1
        if not self._requested:
            self._wake.set()
        if place.delivered > 1:
            self._counters.redelivered += 1
        else:
            self._count_dropped(place.stream_sequence)
        identity = message.headers.get("Nats-Msg-Id") or f"{place.stream}-{place.key}"
        entry = RecordEntry(message.data, identity, message.reply, place.key)
        if self._stopping:
            await self._send([entry.reply], _NAK)
            return
        state = self._in_flight.receive(entry, self._last_heard)
        if state is DeliveryState.NEW:
            self._buffer.add(entry)
            return
        self._counters.duplicates_left_out += 1
        if state is DeliveryState.WRITTEN:  # its acknowledgement was lost
            await self._send([entry.reply], _ACK)

    def _on_status(self, headers: Mapping[str, str]) -> None:
        """Handle a status message of the server about the pull request."""
        code = headers.get("Status", "")
        if code == _HEARTBEAT_STATUS:
            return
        self._requested = 0
        self._caught_up = True
        text = headers.get("Description", "")
        if code not in _NORMAL_ENDS and _BYTES_EXHAUSTED not in text.lower():
            log.info("pull request ended", status=code, reason=text)
            self._must_attach = True  # consumer deleted, new leader, server shutdown
        self._wake.set()

    def _count_dropped(self, sequence: int) -> None:
        """Count gaps. Records arrive in stream order, so a missing sequence number was dropped by the stream."""
        only_ours = self._log is not None and self._log.subjects == (self._source_config.subject,)
        if only_ours and sequence > self._sequence + 1:
            missing = sequence - self._sequence - 1
            self._counters.dropped += missing
            log.error("record stream dropped records before delivery, raise its limits", records=missing)
        self._sequence = max(self._sequence, sequence)

    async def _on_plain_message(self, message: BusMessage) -> None:
        """Handle a record of the plain subscription."""
        if self.source is RecordSource.RECORD_LOG:
            return  # JetStream was enabled later, and delivers the same record
        entry = RecordEntry(message.data, message.headers.get("Nats-Msg-Id", ""))
        if self._buffer.bytes < _MAX_PLAIN_BYTES:
            self._buffer.add(entry)
            return
        try:
            await self._dead_letter_file.add(
                [DeadLetter(entry, Fault(FaultKind.OUTAGE, "too many records pending"), 0)]
            )
            self._counters.dead_letters += 1
        except OSError:
            self._counters.lost += 1

    # ---------------------------------------------------------- acknowledging

    async def ack(self, entries: Sequence[RecordEntry]) -> None:
        """Acknowledge records that are written or in the dead-letter file."""
        replies = [self._in_flight.acked(entry.key) for entry in entries if entry.durable]
        await self._send([reply for reply in replies if reply], _ACK)
        if not self._requested:
            self._wake.set()  # the buffer has space again

    async def nack(self, entries: Sequence[RecordEntry]) -> None:
        """Return records to the stream, which delivers them again after a short delay."""
        replies = [self._in_flight.nacked(entry.key) for entry in entries]
        await self._send([reply for reply in replies if reply], _NAK)

    async def _send(self, replies: Sequence[str], ack_type: bytes) -> None:
        for index, reply in enumerate(replies):
            try:
                await self._bus.publish(reply, ack_type, lazily=True)
            except BusError:
                if ack_type is _ACK:
                    self._unsent_acks += replies[index:]
                return

    async def _send_in_progress(self) -> None:
        """Extend the ack deadline of records that take long."""
        now = time.monotonic()
        if now - self._last_in_progress >= _IN_PROGRESS_EVERY_S:
            self._last_in_progress = now
            await self._send(self._in_flight.older_than(now - _IN_PROGRESS_EVERY_S), _IN_PROGRESS)

    async def lag(self) -> ConsumerLag:
        """Measure how far this consumer is behind. Raises BusError."""
        if self._log is None:
            return ConsumerLag(len(self._buffer))
        return await measure(self._bus, self._log.name, self._name)


def consumer_name(alias: str) -> str:
    """Turn an alias into a valid consumer name, without dots, spaces and wildcards."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "_" for char in alias)
