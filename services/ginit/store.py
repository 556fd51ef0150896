"""The state of the appliance now, and the queue of events that are going to change it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.ginit.decision.events import Event
    from services.ginit.decision.state import Appliance
    from services.ginit.supervisord.listener import Notification


class StateStore:
    """Everybody may read `appliance` and post events. The event loop alone takes them, and sets `appliance`."""

    def __init__(self, appliance: Appliance) -> None:
        self.appliance = appliance
        self._queue: asyncio.Queue[Event | Notification] = asyncio.Queue()

    def current(self) -> Appliance:
        """The state of the appliance, for those who want a function."""
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
