"""Checks the delivery of records periodically: opens the breaker if the bus is silent, and reports changes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from services.gl.record.delivery.delivery_status import DeliveryState, StallDetector
from services.gl.record.delivery.status_reporter import StatusReporter

if TYPE_CHECKING:
    from gecholog.recordstatus import RecordStatusStore
    from services.gl.record.delivery.backlog import Backlog
    from services.gl.record.delivery.publisher import Publisher
    from services.gl.record.delivery.redelivery import Redelivery

_INTERVAL_S = 0.5


class Monitor:
    """Observes the publisher, the backlog and the redelivery."""

    def __init__(
        self, publisher: Publisher, backlog: Backlog, redelivery: Redelivery, status_file: RecordStatusStore | None
    ) -> None:
        self._publisher = publisher
        self._backlog = backlog
        self._redelivery = redelivery
        self._stall_detector = StallDetector()
        self._reporter = StatusReporter(status_file)
        self._seen_replies = 0

    async def run(self) -> None:
        """Check every half second. Runs until it is cancelled."""
        while True:
            self.check(time.monotonic())
            await asyncio.sleep(_INTERVAL_S)

    def check(self, now: float) -> None:
        """Open the breaker if the bus is silent, and report changes. `now` is the time of a monotonic clock."""
        publisher = self._publisher
        if publisher.replies != self._seen_replies:
            self._seen_replies = publisher.replies
            publisher.breaker.acknowledged(now)
        if self._stall_detector.update(now, unconfirmed=len(publisher.unacknowledged), acknowledged=publisher.replies):
            publisher.trip("the bus does not acknowledge records")
        self._reporter.update(now, self.state())

    def state(self) -> DeliveryState:
        """The state of the delivery at this moment."""
        publisher, backlog = self._publisher, self._backlog
        stream, breaker = publisher.stream, publisher.breaker
        if not publisher.is_connected:
            trouble = "no connection to the bus, records wait"
        elif stream.is_missing:
            trouble = f"the record stream is missing, records wait: {stream.reason}"
        elif breaker.is_open:
            trouble = f"the record stream does not acknowledge, records wait: {breaker.reason}"
        else:
            trouble = f"records wait: {publisher.refused}" if publisher.refused and backlog else ""
        is_silent = breaker.is_open and publisher.has_probed and stream.responds
        stalled = publisher.is_connected and (stream.vanished or is_silent)
        return DeliveryState(trouble, stalled, len(backlog), backlog.held, backlog.lost, self._redelivery.damaged)
