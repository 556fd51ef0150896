"""Finds the services at the start of ginit. An earlier ginit may have left them running."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gecholog.logs import Log
from services.ginit.decision.state import AfterStop, Phase, ServiceState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.ginit.config import Definition
    from services.ginit.config_files import ConfigFiles
    from services.ginit.runner import ServiceRunner
    from services.ginit.supervisord.client import Supervisor

log = Log("ginit")


class Takeover:
    """Finds the services. `before` holds their entries in the state file of the earlier ginit, by name."""

    def __init__(
        self, supervisor: Supervisor, runner: ServiceRunner, files: ConfigFiles, before: Mapping[str, dict[str, Any]]
    ) -> None:
        self._supervisor = supervisor
        self._runner = runner
        self._files = files
        self._before = before

    async def services(self, definitions: Iterable[Definition]) -> tuple[ServiceState, ...]:
        """The services of the config; processes that belong to none are stopped. Raises ControlFailed, OSError."""
        running = await self._supervisor.all_running()
        found = []
        for place, definition in enumerate(definitions):
            await self._runner.register(definition, place)
            content, missing = self._files.read(definition)
            service = ServiceState(definition, content=content, missing=missing, since=time.monotonic())
            if pid := running.pop(definition.slug, 0):
                service = await self._take_over(service, pid)
            found.append(service)
        await self._stop_others(running)
        return tuple(found)

    async def _take_over(self, service: ServiceState, pid: int) -> ServiceState:
        """A service that the earlier ginit left healthy goes on as it is; any other is restarted."""
        definition, copies = service.definition, self._runner.copies
        self._runner.adopt(definition, pid)
        data = copies.read_in_force(definition)
        sha256 = None if data is None else copies.keep(definition.name, data)
        if sha256 is not None and self._runner.checksum_file(definition).read() == sha256:
            log.info("service is taken over", child=definition.name, pid=pid)
            before = self._before.get(definition.name, {})
            taken = replace(service, phase=Phase.HEALTHY, in_force=sha256, last_good=sha256, last_checked=sha256)
            return replace(taken, writes_checksum=before.get("writes_checksum", False), starts=before.get("starts", 1))
        log.warning("restarting service, its state is unknown", child=definition.name, pid=pid)
        await self._runner.stop(definition)
        return replace(service, phase=Phase.STOPPING, after_stop=AfterStop.BEGIN)

    async def _stop_others(self, running: Mapping[str, int]) -> None:
        for slug, pid in running.items():
            if pid and slug != os.environ.get("SUPERVISOR_GROUP_NAME"):
                log.warning("stopping a process that belongs to no service", process=slug)
                await self._supervisor.stop(slug)
