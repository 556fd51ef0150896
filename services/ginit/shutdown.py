"""The end of the whole appliance, when ginit gives up or supervisord is gone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from gecholog.logs import Log
from services.ginit.supervisord import parent

if TYPE_CHECKING:
    from gecholog.task_owner import TaskOwner
    from services.ginit.runner import ServiceRunner
    from services.ginit.store import StateStore

_TIMEOUT_S = 10.0
_POLL_S = 0.1

log = Log("ginit")


class Shutdown:
    """Ends the services and this process, with supervisord or without."""

    def __init__(
        self, store: StateStore, runner: ServiceRunner, owner: TaskOwner, timeout_s: float = _TIMEOUT_S
    ) -> None:
        """`timeout_s` is the time that supervisord has to begin with the end."""
        self._timeout_s = timeout_s
        self._store = store
        self._runner = runner
        self._owner = owner

    def give_up(self) -> None:
        """Begin to end everything."""
        self._owner.spawn(self._end_all(), "end")

    def without_supervisord(self) -> None:
        """End the services and this process. Supervisord is gone, and cannot."""
        log.error("supervisord has died, stopping all services")
        self._store.appliance = replace(self._store.appliance, stopping=True)
        self._owner.spawn(self._end_without_supervisord(), "end")

    async def _end_all(self) -> None:
        """Have supervisord end everything, and this process last; do it ourselves if supervisord does not respond."""
        if parent.terminate():
            for _ in range(round(self._timeout_s / _POLL_S)):
                await asyncio.sleep(_POLL_S)
                if self._store.appliance.stopping:
                    return
            log.error("supervisord does not respond, killing it")
            parent.kill()
        await self._end_without_supervisord()

    async def _end_without_supervisord(self) -> None:
        await self._runner.end_all(self._store.appliance)
        self._owner.ending.set()
