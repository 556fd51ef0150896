"""The state of supervisord: its notifications become events, and it is probed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.ginit.decision.events import Ended, Stopping, SupervisordStatus
from services.ginit.decision.state import RUNNING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.ginit.decision.events import Event
    from services.ginit.runner import ServiceRunner
    from services.ginit.store import StateStore
    from services.ginit.supervisord.client import Supervisor
    from services.ginit.supervisord.listener import Notification

_PROBE_INTERVAL_S = 5.0
_ENDED = frozenset({"PROCESS_STATE_EXITED", "PROCESS_STATE_STOPPED", "PROCESS_STATE_FATAL", "PROCESS_STATE_UNKNOWN"})
_STOPPING = "SUPERVISOR_STATE_CHANGE_STOPPING"


class Supervision:
    """Translates supervisord's notifications, and probes supervisord."""

    def __init__(self, supervisor: Supervisor, runner: ServiceRunner, store: StateStore) -> None:
        self._supervisor = supervisor
        self._runner = runner
        self._store = store
        self._last_serial: int | None = None

    async def events_of(self, notification: Notification) -> AsyncIterator[Event]:
        """The events that follow from a notification. Handle each of them before you ask for the next."""
        missed = self._last_serial is not None and notification.serial > self._last_serial + 1
        self._last_serial = notification.serial
        if notification.event == _STOPPING:
            yield Stopping()
        elif notification.event in _ENDED and (ended := await self._ended(notification)) is not None:
            yield ended
        if missed:  # supervisord drops notifications when there are too many: ask which processes live
            running = await self._supervisor.all_running()
            for service in self._store.appliance.services:
                if service.phase in RUNNING and not running.get(service.definition.slug):
                    yield Ended(service.name, "unknown")

    async def _ended(self, notification: Notification) -> Ended | None:
        """The end of a process; None if it is not the current process of a service."""
        services = self._store.appliance.services
        service = next((one for one in services if one.definition.slug == notification.slug), None)
        if service is None or not self._runner.is_current(service.name, notification.pid):
            return None
        self._runner.drain([service.name])
        return Ended(service.name, await self._runner.exit_reason(service.definition))

    async def probe(self) -> None:
        """Check every few seconds whether supervisord responds, until cancelled."""
        while True:
            await asyncio.sleep(_PROBE_INTERVAL_S)
            await self.check()

    async def check(self) -> None:
        """Ask supervisord whether it responds, and post it if that has changed."""
        responds = await self._supervisor.responds()
        if responds != self._store.appliance.supervisord_responds:
            self._store.post(SupervisordStatus(responds))
