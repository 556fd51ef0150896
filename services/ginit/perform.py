"""The actions that were decided on, done: the thin edge between ginit's decisions and processes, pipes and files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog.environment import fill
from gecholog.health import ChecksumFile
from gecholog.logs import Log
from services.ginit import nats_server
from services.ginit.candidate import validate
from services.ginit.copies import Copies
from services.ginit.decision.events import Checked, Ended
from services.ginit.decision.state import Appliance
from services.ginit.output import OutputListener, Pipe, SystemLog
from services.ginit.supervisord.client import ControlFailed, Supervisor
from services.ginit.supervisord.program import STOP_WAIT, start_script

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping
    from pathlib import Path

    from services.ginit.config import Definition

_LAST_TO_STOP = 10  # priorities: the lower, the later
_OTHERS = 100
_FIRST_TO_STOP = 900
_GATEWAY = "gl"
_LONGEST_WAIT = 24 * 3600  # seconds
_LAST_WORDS = 3  # seconds for what follows the time that a service gives to its calls: the last records leave

log = Log("ginit")


@dataclass(frozen=True, slots=True)
class Paths:
    """Where ginit's things are. `runtime` is for what needs a real file system: pipes and supervisord's files."""

    home: Path
    runtime: Path

    @property
    def run(self) -> Path:
        return self.home / "run"


def seconds_to_end(data: bytes, environ: Mapping[str, str]) -> int:
    """How long a service with this config may take to end: a little more than its `shutdown_timeout_ms`."""
    try:
        asked = int(json.loads(fill(data.decode("utf-8-sig"), environ).text)["shutdown_timeout_ms"]) // 1000
    except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError):
        return STOP_WAIT
    return min(max(STOP_WAIT, asked + _LAST_WORDS), _LONGEST_WAIT)


def stop_priority(service: Definition, place: int) -> int:
    """The order of stopping: the gateway first, then the others from the last to the first, the bus at the end.

    What the gateway says of its last calls still finds the processors, the bus and the log.
    """
    if service.is_nats_server:
        return _LAST_TO_STOP
    return _FIRST_TO_STOP if service.program.name == _GATEWAY else _OTHERS + place


class Performer:
    """Does things to services, each given by its definition."""

    def __init__(self, paths: Paths, supervisor: Supervisor, listener: OutputListener) -> None:
        self._paths = paths
        self._supervisor = supervisor
        self._listener = listener
        self._pipes: dict[str, Pipe] = {}
        self._pids: dict[str, int] = {}
        secrets = (os.environ.get("NATS_TOKEN", ""), os.environ.get("GUI_SECRET", ""))
        self._system_log = SystemLog(sys.stdout.buffer, secrets)
        self.copies = Copies(paths.run)

    # ------------------------------------------------------------------ life

    async def introduce(self, service: Definition, place: int) -> None:
        """Get everything ready for a service that may be started. Raises OSError, ControlFailed."""
        if service.name not in self._pipes:
            path = self._paths.runtime / "output" / service.slug
            pipe = Pipe(service.name, path, service.healthy_output, self._system_log, self._listener)
            pipe.open()
            self._pipes[service.name] = pipe
        self._pipes[service.name].call(self.copies.names(service))
        await self._supervisor.define(service.slug, stop_priority(service, place))

    def adopt(self, service: Definition, pid: int) -> None:
        """A process that runs already."""
        self._pids[service.name] = pid

    def pid(self, name: str) -> int:
        """The process that was started last; 0 if it is not known."""
        return self._pids.get(name, 0)

    def is_current(self, name: str, pid: int) -> bool:
        """Whether this process is the one that was started last."""
        return self._pids.get(name, 0) in {0, pid}

    async def forget(self, service: Definition) -> None:
        """Let go of a service that has ended."""
        if pipe := self._pipes.pop(service.name, None):
            pipe.drain()
            pipe.remove()
        self._pids.pop(service.name, None)
        self.copies.keep_only(service.name, ())
        self.checksum_file(service).remove()
        await self._supervisor.forget(service.slug)

    def drain(self, names: Iterable[str] | None = None) -> None:
        """Write to the system log whatever these services (all of them) have said."""
        for name in self._pipes if names is None else names:
            if name in self._pipes:
                self._pipes[name].drain()

    def close(self) -> None:
        for pipe in self._pipes.values():
            pipe.close()

    def checksum_file(self, service: Definition) -> ChecksumFile:
        return ChecksumFile.of(service.alias, self._paths.home)

    # ------------------------------------------------------------------ actions

    async def check(self, service: Definition, sha256: str, in_force: str | None) -> Checked:
        """Validate a content, as a reload if there is one in force; what is wrong with it goes to the log.

        Raises OSError if there is no room for the content.
        """
        candidate = self.copies.candidate(service, sha256)
        if in_force is not None:
            self.copies.restore(service, in_force)
        verdict = await validate(service, candidate, None if in_force is None else self.copies.in_force(service))
        for line in verdict.problems:
            self._system_log.write(line, service.name)
        return Checked(service.name, sha256, valid=verdict.valid)

    async def give_time(self, service: Definition) -> None:
        """Have supervisord wait for the end of the service as long as the config in force says."""
        data = self.copies.read_in_force(service) or b""
        await self._tell(self._supervisor.wait(service.slug, seconds_to_end(data, os.environ)), service)

    async def start(self, service: Definition, sha256: str) -> Ended | None:
        """Start the process with this content; what comes back says that it could not be."""
        pipe = self._pipes[service.name]
        with contextlib.suppress(OSError):  # on a full disk the copy that is there will do
            self.copies.restore(service, sha256)
        pipe.expect(service.healthy_output)
        file = self.copies.in_force(service)
        arguments = [str(service.program), service.config_command, str(file), *service.additional_arguments]
        variables: dict[str, str] = {}
        if service.is_nats_server:
            variables = nats_server.variables(os.environ)
            data = self.copies.read_in_force(service) or b""
            store = self._paths.home / "nats"
            arguments += nats_server.further_arguments(data.decode("utf-8", "replace"), store)
        self._pids[service.name] = 0
        try:
            self.checksum_file(service).remove()
            pipe.renew()
            script = start_script(arguments, pipe.path, variables)
            self._pids[service.name] = await self._supervisor.start(service.slug, script)
        except (ControlFailed, OSError) as error:
            return Ended(service.name, f"not started: {error}")
        return None

    async def stop(self, service: Definition) -> None:
        await self._tell(self._supervisor.stop(service.slug), service)

    async def kill(self, service: Definition) -> None:
        """End a process that does not react, and those that it started."""
        pid = self._pids.get(service.name, 0)
        with contextlib.suppress(ProcessLookupError, PermissionError, ControlFailed):
            if pid and (await self._supervisor.all_running()).get(service.slug) == pid:
                os.killpg(pid, signal.SIGKILL)  # supervisord gives each service a process group

    async def reload(self, service: Definition) -> None:
        await self._tell(self._supervisor.hang_up(service.slug), service)

    async def how_it_ended(self, service: Definition) -> str:
        """What supervisord knows of the end of the process, and the last error that it logged itself."""
        try:
            status = await self._supervisor.exit_status(service.slug)
        except ControlFailed:
            return "unknown"
        error = self._pipes[service.name].last_error
        how = "a signal" if status < 0 else f"exit code {status}"
        return f"{how}, {error}" if error else how

    @staticmethod
    async def _tell(request: Awaitable[None], service: Definition) -> None:
        try:
            await request
        except ControlFailed as error:
            log.error("supervisord did not do it", child=service.name, reason=str(error))

    # ------------------------------------------------------------------ without supervisord

    async def end_all(self, appliance: Appliance) -> None:
        """Do what supervisord would do at its end, in its place: nobody else is left to."""
        ordered = sorted(
            enumerate(appliance.services), key=lambda item: stop_priority(item[1].definition, item[0]), reverse=True
        )
        for _, service in ordered:
            data = self.copies.read_in_force(service.definition) or b""
            await _end(self._pids.get(service.name, 0), seconds_to_end(data, os.environ))
            self.drain([service.name])
            self.checksum_file(service.definition).remove()


async def _end(pid: int, seconds: float) -> None:
    """End the process and those that it started; supervisord gave each service a process group."""
    if not pid:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError, TimeoutError):
        os.kill(pid, signal.SIGTERM)
        async with asyncio.timeout(seconds):
            while True:
                os.kill(pid, 0)
                await asyncio.sleep(0.05)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
