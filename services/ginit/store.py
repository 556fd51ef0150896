"""The present state of the appliance, and the queue of events that will change it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.ginit.decision.events import Event
    from services.ginit.decision.state import Appliance
    from services.ginit.supervisord.listener import Notification


class StateStore:
    """Any part of ginit may read `appliance` and post events. Only the event loop takes events and sets `appliance`."""

    def __init__(self, appliance: Appliance) -> None:
        self.appliance = appliance
        self._queue: asyncio.Queue[Event | Notification] = asyncio.Queue()

    def current(self) -> Appliance:
        """`appliance`, for callers that need a function."""
        return self.appliance

    def post(self, event: Event | Notification) -> None:
        self._queue.put_nowait(event)

    async def next(self) -> Event | Notification:
        """Wait for an event."""
        return await self._queue.get()

    @property
    def is_idle(self) -> bool:
        """Whether no event waits."""
        return self._queue.empty()
