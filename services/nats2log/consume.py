"""Where entries come from: the record log, by a durable pull consumer; without JetStream a plain subscription.

Which of the two is asked anew at every connection to the bus. Spoken is JetStream's own protocol (pull requests and
acknowledgements are plain messages; nats-architecture-and-design, ADR-10, ADR-13, ADR-15): its status messages say when
a request has ended, and one loop can look after connection, consumer and requests.
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
from services.nats2log.backlog import Backlog, measure
from services.nats2log.deadletter import DeadLetter
from services.nats2log.entry import Entry
from services.nats2log.in_flight import DeliveryState, InFlight
from services.nats2log.sinks.sink import Fault, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gecholog.bus import Bus, Message
    from gecholog.recordlog import RecordLog
    from services.nats2log.config import Listening
    from services.nats2log.deliver import DeliveryContext

log = Log("consume")

_PULL = 1000  # entries asked for at a time
_PULL_BYTES = 16 * 1024 * 1024  # at least; twice the bus's largest message if that is more
_PULL_SECONDS = 30
# Seconds in which records gather before they are asked for. A pull costs its time however little it brings; one that
# brings much keeps the machine from calls for a moment, so they gather for longer only where calls are many.
_LINGER, _LONG_LINGER = 0.02, 0.06
_MANY = 64  # records of a pull after which they gather for longer
_HEARTBEAT = 5.0  # seconds between the server's signs of life while nothing comes
_SILENCE = 3 * _HEARTBEAT  # then the request is taken for lost
# What is not acknowledged by then comes again. Short, so that after a crash it comes soon; while we live we say every
# few seconds what is still in hand, and the ledger knows what is written.
_ACK_WAIT = 6.0  # seconds
_KEEP_EVERY = _ACK_WAIT / 3
_TICK = 1.0
_ASK_AGAIN = 60.0  # seconds after a refusal
_PLAIN_BYTES = 64 * 1024 * 1024  # of records that may wait without JetStream

_ACK, _IN_PROGRESS = b"+ACK", b"+WPI"
# With a delay, for a pull request of ours may still be there: what is given back would come to us again.
_NAK = b'-NAK {"delay":500000000}'  # nanoseconds
_SIGN_OF_LIFE = "100"
_ENDED_AS_USUAL = frozenset({"404", "408"})  # no messages, time is up
_FULL = "exceeds maxbytes"  # of a 409: the request's bytes are used up


class Source(Enum):
    """Where entries come from."""

    NOTHING = "nothing yet"
    RECORD_LOG = "record log"
    SUBSCRIPTION = "subscription"


class Consumer:
    """Fills the buffer, and acknowledges what was written."""

    def __init__(self, bus: Bus, listening: Listening, alias: str, context: DeliveryContext) -> None:
        self._bus = bus
        self._listening = listening
        self._name = durable_name(alias)
        self._buffer = context.buffer
        self._dead = context.dead
        self._meter = context.meter
        self._in_flight = InFlight()
        self.source = Source.NOTHING
        self._log: RecordLog | None = None
        self._inbox = f"_INBOX.{secrets.token_hex(11)}"
        self._wake = asyncio.Event()
        self._decided = asyncio.Event()
        self._attach_wanted = True
        self._ask_again = 0.0
        self._subscribed = False
        self._warned = False
        self._stopping = False
        self._brought = 0  # records, by the last pull request
        self._ran_dry = True  # it was for the next one that comes, or for more than there were
        self._asked = 0  # entries that the running pull request may still bring
        self._heard = 0.0  # when it last gave a sign of life
        self._kept = 0.0  # when the record log was last told that we are still at work
        self._sequence = 0  # of the stream: the last record that came for the first time
        self._late: list[str] = []  # to be acknowledged when the bus is back

    # ------------------------------------------------------------------ life

    async def begin(self) -> None:
        """Subscribe. To be called once the bus was reached."""
        self._bus.on_connect(self._connected)
        await self._bus.subscribe(self._inbox, self._pulled)

    async def decided(self) -> None:
        """Wait until it is known where entries come from, and they do."""
        await self._decided.wait()

    async def run(self) -> None:
        """Look after consumer and pull requests, until `stop`."""
        while not self._stopping:
            try:
                await self._look_after()
            except BusAway:
                pass  # `_connected` will wake us
            except BusError as error:
                log.warning("record stream not ready, retrying", reason=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self._wake.wait()
            self._wake.clear()

    def stop(self) -> None:
        """Ask for nothing more."""
        self._stopping = True
        self._wake.set()

    async def _connected(self, _: Bus) -> None:
        self._attach_wanted = True
        self._wake.set()

    # ------------------------------------------------------------- attaching

    async def _look_after(self) -> None:
        self._again_in_time()
        if self._attach_wanted:
            await self._attach()
        if self.source is not Source.RECORD_LOG:
            return
        await self._keep()
        now = time.monotonic()
        if self._asked and now - self._heard > _SILENCE:
            log.warning("no heartbeat from the record stream, retrying")
            self._attach_wanted = True
            self._wake.set()
        elif not self._asked and len(self._buffer) < _PULL and self._buffer.bytes < self._most_bytes():
            await self._pull()

    async def _attach(self) -> None:
        """Find out where entries come from now. Raises BusError to be asked again."""
        self._asked = 0
        try:
            found = None if self._listening.is_off else await self._durable()
        except RecordLogRefused as error:
            log.error(
                "record stream unavailable, records published while this sink is down are lost", reason=str(error)
            )
            found = None
            self._ask_again = time.monotonic() + _ASK_AGAIN
        if found is None:
            await self._subscribe()
            self.source = Source.SUBSCRIPTION
        else:
            self.source = Source.RECORD_LOG
            late, self._late = self._late, []
            await self._tell(late, _ACK)
        self._log = found
        self._attach_wanted = False
        self._decided.set()
        log.info("consuming records", source=self.source.value, subject=self._listening.subject)

    def _again_in_time(self) -> None:
        """What JetStream refused once (no room, say) may be granted later."""
        if self._ask_again and time.monotonic() > self._ask_again:
            self._ask_again = 0.0
            self._attach_wanted = True

    async def _durable(self) -> RecordLog | None:
        """The stream with our consumer on it; None if the bus has no JetStream."""
        try:
            found = await ensure_fitting(self._bus, self._listening.subject, self._listening.limits)
        except NoRecordLog:
            if not self._warned:
                log.warning("JetStream is not enabled on the bus, records published while this sink is down are lost")
                self._warned = True
            return None
        with understood():
            info = await self._consumer(found)
            self._sequence = info["delivered"]["stream_seq"]
        return found

    async def _consumer(self, found: RecordLog) -> dict[str, Any]:
        """Our consumer, made or changed if need be."""
        stream = found.name
        try:
            info = await ask(self._bus, f"CONSUMER.INFO.{stream}.{self._name}")
        except RecordLogRefused as error:
            if error.code != NO_CONSUMER:
                raise
            present, info = self._beginning(found), {}
        else:
            present = info["config"]
        wanted = present | {
            "durable_name": self._name,
            "ack_policy": "explicit",
            "ack_wait": int(_ACK_WAIT * NANOSECONDS),
            "max_ack_pending": 20 * _PULL,
            "filter_subject": self._listening.subject,
        }
        if wanted == present:
            return info
        order = {"stream_name": stream, "config": wanted}
        return await ask(self._bus, f"CONSUMER.DURABLE.CREATE.{stream}.{self._name}", order)

    def _beginning(self, found: RecordLog) -> dict[str, Any]:
        """Where a new consumer begins. One that somebody deleted under us goes on behind what we have acknowledged."""
        if (
            self._log is None
            or not self._sequence
            or (self._log.name, self._log.created) != (found.name, found.created)
        ):
            return {"deliver_policy": self._listening.deliver}
        return {
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._in_flight.oldest() or self._sequence + 1,
        }

    async def _subscribe(self) -> None:
        if not self._subscribed:
            self._subscribed = True  # the bus keeps a subscription over all connections
            await self._bus.subscribe(self._listening.subject, self._came_by)
            await self._bus.flush()

    # --------------------------------------------------------------- receiving

    async def _pull(self) -> None:
        if self._log is None:
            return
        if self._brought and self._ran_dry:
            await asyncio.sleep(_LONG_LINGER if self._brought >= _MANY else _LINGER)
        order = self._what_there_is() if self._brought else self._the_next()
        self._asked = order["batch"]
        self._ran_dry = not self._brought
        self._brought = 0
        self._heard = time.monotonic()
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._log.name}.{self._name}"
        await self._bus.publish(subject, rawjson.dumps(order), reply=self._inbox)

    def _the_next(self) -> dict[str, Any]:
        """A request for one record, whenever it comes."""
        return {
            "batch": 1,
            "expires": _PULL_SECONDS * NANOSECONDS,
            "idle_heartbeat": int(_HEARTBEAT * NANOSECONDS),
        }

    def _what_there_is(self) -> dict[str, Any]:
        """A request for all records that are there now. One by one, as they come, each would cost much more."""
        return {"batch": _PULL, "max_bytes": self._most_bytes(), "no_wait": True}

    def _most_bytes(self) -> int:
        # a message that does not fit would never be delivered
        return max(_PULL_BYTES, 2 * self._bus.max_payload)

    async def _pulled(self, message: Message) -> None:
        self._heard = time.monotonic()
        place = AckSubject.parse(message.reply)
        if place is None:
            self._status(message.headers)
            return
        self._asked = max(0, self._asked - 1)
        self._brought += 1
        if not self._asked:
            self._wake.set()
        if place.delivered > 1:
            self._meter.redelivered += 1
        else:
            self._count_dropped(place.stream_sequence)
        identity = message.headers.get("Nats-Msg-Id") or f"{place.stream}-{place.key}"
        entry = Entry(message.data, identity, message.reply, place.key)
        if self._stopping:
            await self._tell([entry.reply], _NAK)
            return
        known = self._in_flight.receive(entry, self._heard)
        if known is DeliveryState.NEW:
            self._buffer.add(entry)
            return
        self._meter.duplicates_left_out += 1
        if known is DeliveryState.WRITTEN:  # its acknowledgement got lost
            await self._tell([entry.reply], _ACK)

    def _status(self, headers: Mapping[str, str]) -> None:
        """The server says something about the pull request."""
        code = headers.get("Status", "")
        if code == _SIGN_OF_LIFE:
            return
        self._asked = 0
        self._ran_dry = True
        text = headers.get("Description", "")
        if code not in _ENDED_AS_USUAL and _FULL not in text.lower():
            log.info("pull request ended", status=code, reason=text)
            self._attach_wanted = True  # consumer deleted, another leader, server going down
        self._wake.set()

    def _count_dropped(self, sequence: int) -> None:
        """Records come in the order of the stream: what is left out of it was dropped before it came here."""
        only_ours = self._log is not None and self._log.subjects == (self._listening.subject,)
        if only_ours and sequence > self._sequence + 1:
            missing = sequence - self._sequence - 1
            self._meter.dropped += missing
            log.error("record stream dropped records before delivery, raise its limits", records=missing)
        self._sequence = max(self._sequence, sequence)

    async def _came_by(self, message: Message) -> None:
        """A message of the plain subscription."""
        if self.source is Source.RECORD_LOG:
            return  # the bus had no JetStream once; now the same record comes from there
        entry = Entry(message.data, message.headers.get("Nats-Msg-Id", ""))
        if self._buffer.bytes < _PLAIN_BYTES:
            self._buffer.add(entry)
            return
        try:
            await self._dead.add([DeadLetter(entry, Fault(Kind.OUTAGE, "too many records pending"), 0)])
            self._meter.dead_letters += 1
        except OSError:
            self._meter.lost += 1

    # ---------------------------------------------------------- acknowledging

    async def acknowledge(self, entries: Sequence[Entry]) -> None:
        """These are written, or in the dead-letter file: they need not come again."""
        replies = [self._in_flight.acked(entry.key) for entry in entries if entry.durable]
        await self._tell([reply for reply in replies if reply], _ACK)
        if not self._asked:
            self._wake.set()  # there is room again

    async def nack(self, entries: Sequence[Entry]) -> None:
        """These are not written: they shall come again soon, to whoever asks."""
        replies = [self._in_flight.nacked(entry.key) for entry in entries]
        await self._tell([reply for reply in replies if reply], _NAK)

    async def _tell(self, replies: Sequence[str], word: bytes) -> None:
        for index, reply in enumerate(replies):
            try:
                await self._bus.publish(reply, word, lazily=True)
            except BusError:
                if word is _ACK:
                    self._late += replies[index:]
                return

    async def _keep(self) -> None:
        """Tell the record log that what takes long is still being worked on."""
        now = time.monotonic()
        if now - self._kept >= _KEEP_EVERY:
            self._kept = now
            await self._tell(self._in_flight.older_than(now - _KEEP_EVERY), _IN_PROGRESS)

    async def backlog(self) -> Backlog:
        """How much is still to be written. Raises BusError."""
        if self._log is None:
            return Backlog(len(self._buffer))
        return await measure(self._bus, self._log.name, self._name)


def durable_name(alias: str) -> str:
    """An alias as the name of a consumer, which may not hold dots, spaces and wildcards."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "_" for letter in alias)
