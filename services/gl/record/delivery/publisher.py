"""Publishes records to the record stream, and tracks whether the bus acknowledges them."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from gecholog import recordlog
from gecholog.errors import BusError, MessageTooLarge
from services.gl.record.delivery.bus_breaker import BusBreaker
from services.gl.record.delivery.stream import RecordStream, publish_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from gecholog.bus import Bus
    from gecholog.recordlog import RecordLogConfig
    from services.gl.record.delivery.backpressure import Backpressure
    from services.gl.record.delivery.error_log import ErrorLog

_ACK_TIMEOUT_S = 5.0
_HEADERS_SIZE = 256  # bytes of a message that its headers may take: they count as part of it
_LARGEST_UNCONNECTED = 1024 * 1024


class Publisher:
    """Publishes to one bus and subject at a time."""

    def __init__(
        self,
        backpressure: Backpressure,
        errors: ErrorLog,
        on_result: Callable[[bytes, bytes, BusError | None], None],
        on_change: Callable[[], None],
        on_connect: Callable[[], None],
    ) -> None:
        """`on_result` is called with the id and the data of a sent record, and the error if the bus does not have it.

        `on_change` is called when the bus starts or stops accepting records, `on_connect` at each connection.
        """
        self.stream = RecordStream()
        self.breaker = BusBreaker()
        self.is_paused = False  # records go to the backlog: the breaker is open, or the stream is missing
        self.refused = ""  # why the stream refused a record; empty again after an acknowledgement
        self.replies = 0  # acknowledgements and refusals so far
        self.has_probed = False  # the breaker is open, and a retry had no reply either
        self.unacknowledged: dict[bytes, bytes] = {}  # sent records without a reply yet
        self._bus: Bus | None = None
        self._subject = ""
        self._config = recordlog.RecordLogConfig()
        self._backpressure = backpressure
        self._errors = errors
        self._on_result = on_result
        self._on_change = on_change
        self._on_connect = on_connect

    # --------------------------------------------------------------- the bus

    async def use(self, bus: Bus, subject: str, config: RecordLogConfig) -> None:
        """Publish to this bus and subject from now on. Ensures the record stream at every connection."""
        if bus is not self._bus:
            self.stream = RecordStream()
            bus.on_connect(self._connected)
        self._bus, self._subject, self._config = bus, subject, config
        if bus.connected:
            await self._connected(bus)

    async def _connected(self, bus: Bus) -> None:
        if bus is self._bus:
            self.stream.connected()
            await self.prepare()
            self._on_connect()

    async def prepare(self) -> None:
        """Find the stream, or create it."""
        stream = self.stream
        await stream.prepare(self._required_bus(), self._subject, self._config)
        if stream.is_missing:
            self._errors.error("record stream missing, retrying", stream.reason)
        self._changed()

    @property
    def is_connected(self) -> bool:
        return self._bus is not None and self._bus.connected

    @property
    def largest(self) -> int:
        """The maximum size of a record in bytes."""
        return (self._bus.max_payload if self._bus else _LARGEST_UNCONNECTED) - _HEADERS_SIZE

    def _required_bus(self) -> Bus:
        if self._bus is None:
            raise BusError("not started")
        return self._bus

    # --------------------------------------------------------------- records

    def send(self, record_id: bytes, data: bytes) -> bool:
        """Send a record. Returns whether a reply is expected. Raises BusError if it cannot be sent."""
        bus, block = self._required_bus(), recordlog.identified(record_id)
        if not self.stream.is_durable:
            bus.tell(self._subject, data, block, lazily=True)
            return False
        bus.ask(self._subject, data, _ACK_TIMEOUT_S, partial(self._on_reply, record_id), block, lazily=True)
        self.unacknowledged[record_id] = data
        self._backpressure.sent(record_id, len(data))
        return True

    def _on_reply(self, record_id: bytes, reply: bytes | BusError) -> None:
        data = self.unacknowledged.pop(record_id, None)
        if data is not None:
            self._backpressure.publish_ended(record_id)
            self._on_result(record_id, data, self._error_of(reply))

    async def send_and_wait(self, record_id: bytes, data: bytes) -> None:
        """Send a record, and wait until the bus has acknowledged it. Raises BusError if it does not."""
        bus, block = self._required_bus(), recordlog.identified(record_id)
        if not self.stream.is_durable:
            await bus.publish(self._subject, data, block, lazily=True)
            return
        self._backpressure.sent(record_id, len(data))
        try:
            reply: bytes | BusError = await bus.request(self._subject, data, _ACK_TIMEOUT_S, block, lazily=True)
        except MessageTooLarge:
            raise
        except BusError as error:
            reply = error
        finally:
            self._backpressure.publish_ended(record_id)
        if (reason := self._error_of(reply)) is not None:
            raise reason

    def take_unacknowledged(self) -> dict[bytes, bytes]:
        """Take the records without a reply. Later replies to them are ignored."""
        taken, self.unacknowledged = self.unacknowledged, {}
        return taken

    def trip(self, reason: str) -> None:
        """Open the breaker."""
        self.breaker.trip(reason)
        self._changed()

    def _error_of(self, reply: bytes | BusError) -> BusError | None:
        """Return why the stream does not have a record; None if it has it. Updates the breaker."""
        if isinstance(reply, BusError):
            self.has_probed = self.breaker.is_open
            self.stream.responds = False  # until the next request to it
            self.breaker.failed(str(reply), time.monotonic())
            self._changed()
            return reply
        error = publish_error(reply)
        self.replies += 1
        if error is not None or self.refused or self.is_paused:
            self.refused = "" if error is None else str(error)
            self.breaker.close()  # a refusal is a reply, too
            self._changed()
        return error

    def _changed(self) -> None:
        self.is_paused = self.breaker.is_open or self.stream.is_missing
        self._on_change()
