"""Sends records to the stream of the bus, and learns from its answers whether it takes them."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from gecholog import recordlog
from gecholog.errors import BusError, MessageTooLarge
from services.gl.record.delivery.breaker import Breaker
from services.gl.record.delivery.stream import RecordStream, refusal

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
        """`on_result` is called with the id and the data of a record that was sent, and why the bus does not have it.

        `on_change` is called when the bus begins or stops to take records, `on_connect` when there is a connection.
        """
        self.stream = RecordStream()
        self.breaker = Breaker()
        self.is_held_up = False  # records go to the backlog: the breaker is open, or the stream is missing
        self.refused = ""  # why the stream refused a record, if it has taken none since
        self.answers = 0  # acknowledgements and refusals so far
        self.has_probed = False  # the breaker is open, and another try was not answered either
        self.unacknowledged: dict[bytes, bytes] = {}  # sent, and the bus has not answered yet
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
        """Publish to this bus and subject from now on; asks at every connection for the stream that keeps records."""
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
        """Find the stream, or make it."""
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
        """Bytes that a record may have now."""
        return (self._bus.max_payload if self._bus else _LARGEST_UNCONNECTED) - _HEADERS_SIZE

    def _required_bus(self) -> Bus:
        if self._bus is None:
            raise BusError("not started")
        return self._bus

    # --------------------------------------------------------------- records

    def send(self, record_id: bytes, data: bytes) -> bool:
        """Send a record. Returns whether it will be answered; raises BusError if it cannot be sent."""
        bus, block = self._required_bus(), recordlog.identified(record_id)
        if not self.stream.is_durable:
            bus.tell(self._subject, data, block, lazily=True)
            return False
        bus.ask(self._subject, data, _ACK_TIMEOUT_S, partial(self._answered, record_id), block, lazily=True)
        self.unacknowledged[record_id] = data
        self._backpressure.sent(record_id, len(data))
        return True

    def _answered(self, record_id: bytes, answer: bytes | BusError) -> None:
        data = self.unacknowledged.pop(record_id, None)
        if data is not None:
            self._backpressure.answered(record_id)
            self._on_result(record_id, data, self._judge(answer))

    async def send_and_wait(self, record_id: bytes, data: bytes) -> None:
        """Send a record, and wait until the bus has it. Raises BusError if it has not."""
        bus, block = self._required_bus(), recordlog.identified(record_id)
        if not self.stream.is_durable:
            await bus.publish(self._subject, data, block, lazily=True)
            return
        self._backpressure.sent(record_id, len(data))
        try:
            answer: bytes | BusError = await bus.request(self._subject, data, _ACK_TIMEOUT_S, block, lazily=True)
        except MessageTooLarge:
            raise
        except BusError as error:
            answer = error
        finally:
            self._backpressure.answered(record_id)
        if (reason := self._judge(answer)) is not None:
            raise reason

    def take_unacknowledged(self) -> dict[bytes, bytes]:
        """The records that were not answered. Answers from now on come too late."""
        taken, self.unacknowledged = self.unacknowledged, {}
        return taken

    def trip(self, reason: str) -> None:
        """Take it that the bus does not acknowledge, until it does."""
        self.breaker.trip(reason)
        self._changed()

    def _judge(self, answer: bytes | BusError) -> BusError | None:
        """Why the stream does not have a record; None if it has it. The breaker learns of it."""
        if isinstance(answer, BusError):
            self.has_probed = self.breaker.is_open
            self.stream.answers = False  # until it is asked again
            self.breaker.failed(str(answer), time.monotonic())
            self._changed()
            return answer
        error = refusal(answer)
        self.answers += 1
        if error is not None or self.refused or self.is_held_up:
            self.refused = "" if error is None else str(error)
            self.breaker.close()  # a refusal is an answer, too
            self._changed()
        return error

    def _changed(self) -> None:
        self.is_held_up = self.breaker.is_open or self.stream.is_missing
        self._on_change()
