"""Carries out actions, and retries those that fail for a while, for example because the disk is full."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gecholog.logs import Log
from services.ginit.decision.actions import (
    Action,
    Check,
    GiveUp,
    Kill,
    LogLine,
    PutInForce,
    Reload,
    RemoveChecksum,
    ServiceAction,
    Start,
    Stop,
    Unregister,
    WriteChecksum,
)
from services.ginit.decision.events import Confirmed
from services.ginit.decision.state import SERVING, Appliance, Phase, ServiceState
from services.ginit.supervisord import exit_code

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from services.ginit.config import Definition
    from services.ginit.runner import ServiceRunner
    from services.ginit.store import StateStore
    from services.ginit.throttled_log import ThrottledLog

    Spawn = Callable[[Coroutine[None, None, None], str], object]

RETRY_S = 1.0
_POLL_S = 0.03  # for the checksum file of a service that reloads

log = Log("ginit")
_LOG_BY_LEVEL = {"DEBUG": log.debug, "INFO": log.info, "WARN": log.warning, "ERROR": log.error}


class ActionExecutor:
    """Carries out actions. A slow one runs as a task of its own (`spawn`), and posts its result as an event."""

    def __init__(
        self,
        runner: ServiceRunner,
        store: StateStore,
        throttled: ThrottledLog,
        spawn: Spawn,
        give_up: Callable[[], None],
    ) -> None:
        self._runner = runner
        self._store = store
        self._throttled = throttled
        self._spawn = spawn
        self._give_up = give_up

    def put_in_force(self, appliance: Appliance, actions: Iterable[Action]) -> set[str]:
        """Write the configs to start from, before anything else is done; returns the services where that failed."""
        failed = set()
        for action in actions:
            if isinstance(action, PutInForce) and (service := appliance.get(action.name)):
                try:
                    self._runner.copies.put_in_force(service.definition, action.sha256)
                except OSError as error:
                    self._throttled.error("cannot put config in force, retrying", service.name, error)
                    failed.add(service.name)
        return failed

    async def execute(self, action: Action) -> None:
        """Carry out one action; configs are in force already (`put_in_force`)."""
        match action:
            case LogLine():
                _LOG_BY_LEVEL[action.level](action.message, **action.fields)
            case GiveUp():
                log.error("stopping the appliance", reason=action.reason)
                exit_code.decide(1)
                self._give_up()
            case Unregister():
                await self._runner.unregister(action.definition)
            case _:
                if service := self._store.appliance.get(action.name):
                    await self._execute_on(service, action)

    async def _execute_on(self, service: ServiceState, action: ServiceAction) -> None:  # noqa: C901 - one case each
        runner, definition = self._runner, service.definition
        match action:
            case Check():
                self._spawn(self._check(definition, action.sha256), f"check {service.name}")
            case PutInForce():
                await runner.set_stop_wait(definition)
            case Start():
                if (ended := await runner.start(definition, service.in_force or "")) is not None:
                    self._store.post(ended)
            case Reload():
                await self._reload(service)
            case Stop():
                await runner.stop(definition)
            case Kill():
                await runner.kill(definition)
            case WriteChecksum():
                if not self._write_checksum(service, action.sha256):
                    retry = self._write_checksum_later(service.name, action.sha256)
                    self._spawn(retry, f"checksum of {service.name}")
            case RemoveChecksum():
                runner.checksum_file(definition).remove()

    async def _reload(self, service: ServiceState) -> None:
        await self._runner.reload(service.definition)
        if service.writes_checksum:
            self._spawn(self._await_checksum(service), f"reload {service.name}")

    async def _await_checksum(self, service: ServiceState) -> None:
        """A service that writes its checksum file itself confirms a reload by it."""
        file = self._runner.checksum_file(service.definition)
        while (current := self._store.appliance.get(service.name)) and current.phase is Phase.RELOADING:
            if file.read() == service.in_force:
                self._store.post(Confirmed(service.name))
                return
            await asyncio.sleep(_POLL_S)

    async def _check(self, definition: Definition, sha256: str) -> None:
        """Validate a content, and post the result, also that there was none in time.

        If the content cannot be written to a file, retry for as long as the result is wanted.
        """
        while (service := self._store.appliance.get(definition.name)) and service.checking == sha256:
            in_force = service.in_force if service.last_good else None
            try:
                checked = await self._runner.check(definition, sha256, in_force)
            except OSError as error:
                self._throttled.error("cannot validate config, retrying", definition.name, error)
                await asyncio.sleep(RETRY_S)
            else:
                self._store.post(checked)
                return

    def _write_checksum(self, service: ServiceState, sha256: str) -> bool:
        """Write the checksum file of a service that does not do so itself; False if that failed."""
        try:
            self._runner.checksum_file(service.definition).write(sha256)
        except OSError as error:
            self._throttled.error("cannot write checksum file, retrying", service.name, error)
            return False
        return True

    async def _write_checksum_later(self, name: str, sha256: str) -> None:
        while True:
            await asyncio.sleep(RETRY_S)
            service = self._store.appliance.get(name)
            if service is None or service.phase not in SERVING or service.in_force != sha256:
                return
            if self._write_checksum(service, sha256):
                return
