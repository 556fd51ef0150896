"""The event loop of ginit: handles one event at a time: decide, act, publish the new state."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from services.ginit.decision.events import Event, Redefined, TimerFired
from services.ginit.decision.reconcile import decide
from services.ginit.decision.undo import undo, without
from services.ginit.execute import RETRY_S
from services.ginit.supervisord.listener import Notification

if TYPE_CHECKING:
    from services.ginit.config_files import ConfigFiles
    from services.ginit.execute import ActionExecutor
    from services.ginit.publish import StatePublisher
    from services.ginit.store import StateStore
    from services.ginit.supervision import Supervision


class EventLoop:
    """Changes the state of the appliance. Nothing else does, except `shutdown` if supervisord has died."""

    def __init__(
        self,
        store: StateStore,
        supervision: Supervision,
        executor: ActionExecutor,
        files: ConfigFiles,
        publisher: StatePublisher,
    ) -> None:
        self._store = store
        self._supervision = supervision
        self._executor = executor
        self._files = files
        self._publisher = publisher
        self._no_timer_before = 0.0  # time of the monotonic clock

    async def run(self) -> None:
        """Handle events until cancelled."""
        while True:
            event = await self._next()
            if isinstance(event, Notification):
                async for translated in self._supervision.events_of(event):
                    await self._handle(translated)
            else:
                await self._handle(event)

    async def _next(self) -> Event | Notification:
        """The next event; `TimerFired` when the time has come for one."""
        timer_at = self._store.appliance.timer_at
        left = None if timer_at is None else max(0.0, max(timer_at, self._no_timer_before) - time.monotonic())
        try:
            async with asyncio.timeout(left):
                return await self._store.next()
        except TimeoutError:
            return TimerFired()

    async def _handle(self, event: Event) -> None:
        before = self._store.appliance
        after, actions = decide(before, event, time.monotonic())
        if failed := self._executor.put_in_force(after, actions):
            after, actions = undo(before, after, failed), without(actions, failed)
            self._retry(event)
        self._store.appliance = after
        if isinstance(event, Redefined):
            self._files.watch_services()
        for action in actions:
            await self._executor.execute(action)
        self._files.drop_unused()
        self._publisher.publish()

    def _retry(self, event: Event) -> None:
        """Handle the event again after RETRY_S. A timer fires again on its own, but not earlier than that."""
        self._no_timer_before = time.monotonic() + RETRY_S
        if not isinstance(event, TimerFired):
            asyncio.get_running_loop().call_later(RETRY_S, self._store.post, event)
