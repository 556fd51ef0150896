"""Looks now and then how records fare: opens the breaker when the bus falls silent, and reports."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from services.gl.record.delivery.report import Report
from services.gl.record.delivery.trouble import Sight, Stall

if TYPE_CHECKING:
    from gecholog.recordstatus import RecordStatusFile
    from services.gl.record.delivery.backlog import Backlog
    from services.gl.record.delivery.publisher import Publisher
    from services.gl.record.delivery.redelivery import Redelivery

_INTERVAL_S = 0.5


class Monitor:
    """Observes the publisher, the backlog and the redelivery."""

    def __init__(
        self, publisher: Publisher, backlog: Backlog, redelivery: Redelivery, status_file: RecordStatusFile | None
    ) -> None:
        self._publisher = publisher
        self._backlog = backlog
        self._redelivery = redelivery
        self._stall = Stall()
        self._report = Report(status_file)
        self._seen_answers = 0

    async def run(self) -> None:
        """Look every half second. Runs until it is cancelled."""
        while True:
            self.look(time.monotonic())
            await asyncio.sleep(_INTERVAL_S)

    def look(self, now: float) -> None:
        """Open the breaker if the bus is silent, and report what has changed; `now` is a steady clock's time."""
        publisher = self._publisher
        if publisher.answers != self._seen_answers:
            self._seen_answers = publisher.answers
            publisher.breaker.acknowledged(now)
        if self._stall.looked(now, unconfirmed=len(publisher.unacknowledged), acknowledged=publisher.answers):
            publisher.trip("the bus does not acknowledge records")
        self._report.look(now, self.sight())

    def sight(self) -> Sight:
        """How records fare at this moment."""
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
        is_silent = breaker.is_open and publisher.has_probed and stream.answers
        stalled = publisher.is_connected and (stream.vanished or is_silent)
        return Sight(trouble, stalled, len(backlog), backlog.held, backlog.lost, self._redelivery.damaged)
