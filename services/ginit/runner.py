"""Runs the services: the thin edge between ginit's decisions and processes, pipes and files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

from gecholog.health import ChecksumFile
from gecholog.logs import Log
from services.ginit import nats_server
from services.ginit.copies import Copies
from services.ginit.decision.events import Checked, CheckTimedOut, Ended
from services.ginit.lines import summary_of
from services.ginit.output import OutputListener, OutputPipe, SystemLog
from services.ginit.startup import prepare
from services.ginit.stopping import stop_priority, stop_wait_s
from services.ginit.supervisord.client import ControlFailed, Supervisor
from services.ginit.supervisord.program import start_script
from services.ginit.validation import TIMEOUT_S, validate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from services.ginit.config import Definition
    from services.ginit.decision.state import Appliance
    from services.ginit.paths import Paths

_POLL_S = 0.05  # for the end of a process, without supervisord

log = Log("ginit")


class ServiceRunner:
    """Starts, stops, reloads and validates services, each given by its definition."""

    def __init__(
        self, paths: Paths, supervisor: Supervisor, listener: OutputListener, validation_timeout_s: float = TIMEOUT_S
    ) -> None:
        self._paths = paths
        self._supervisor = supervisor
        self._listener = listener
        self._validation_timeout_s = validation_timeout_s
        self._pipes: dict[str, OutputPipe] = {}
        self._pids: dict[str, int] = {}
        secrets = tuple(os.environ.get(name, "") for name in prepare.SECRETS)
        self._system_log = SystemLog(sys.stdout.buffer, secrets)
        self.copies = Copies(paths.run)

    # ------------------------------------------------------------------ registration

    async def register(self, service: Definition, place: int) -> None:
        """Make a service ready to be started: its pipe, and its entry in supervisord. Raises OSError, ControlFailed."""
        if service.name not in self._pipes:
            path = self._paths.output / service.slug
            pipe = OutputPipe(service.name, path, service.healthy_output, self._system_log, self._listener)
            pipe.open()
            self._pipes[service.name] = pipe
        self._pipes[service.name].replace_names(self.copies.names(service))
        await self._supervisor.define(service.slug, stop_priority(service, place))

    def adopt(self, service: Definition, pid: int) -> None:
        """Use a process that was started by an earlier ginit."""
        self._pids[service.name] = pid

    async def unregister(self, service: Definition) -> None:
        """Discard everything that is kept for a service that has ended."""
        if pipe := self._pipes.pop(service.name, None):
            pipe.drain()
            pipe.remove()
        self._pids.pop(service.name, None)
        self.copies.keep_only(service.name, ())
        self.checksum_file(service).remove()
        await self._supervisor.remove(service.slug)

    # ------------------------------------------------------------------ queries

    def pid(self, name: str) -> int:
        """The process that was started last; 0 if it is not known."""
        return self._pids.get(name, 0)

    def is_current(self, name: str, pid: int) -> bool:
        """Whether this process is the one that was started last, as far as that is known."""
        return self.pid(name) in {0, pid}

    def checksum_file(self, service: Definition) -> ChecksumFile:
        return ChecksumFile.of(service.alias, self._paths.home)

    async def exit_reason(self, service: Definition) -> str:
        """The exit status of a process that has ended, and the last error that it logged."""
        try:
            status = await self._supervisor.exit_status(service.slug)
        except ControlFailed:
            return "unknown"
        error = self._pipes[service.name].last_error
        how = "a signal" if status < 0 else f"exit code {status}"
        return f"{how}, {error}" if error else how

    # ------------------------------------------------------------------ actions

    async def check(self, service: Definition, sha256: str, in_force: str | None) -> Checked | CheckTimedOut:
        """Validate a content, as a reload if there is one in force, and log the problems.

        Raises OSError if the content cannot be written to a file.
        """
        candidate = self.copies.candidate(service, sha256)
        if in_force is not None:
            self.copies.restore(service, in_force)
        compared = None if in_force is None else self.copies.in_force(service)
        result = await validate(service, candidate, compared, self._validation_timeout_s)
        if result.timed_out:
            return CheckTimedOut(service, sha256, self._validation_timeout_s)
        written = [self._system_log.write(line, service.name) for line in result.problems]
        return Checked(service, sha256, result.valid, summary_of([entry for entry in written if entry]))

    async def start(self, service: Definition, sha256: str) -> Ended | None:
        """Start the process with this content; returns why that failed, None if it did not."""
        pipe = self._pipes[service.name]
        with contextlib.suppress(OSError):  # on a full disk the copy that is there will do
            self.copies.restore(service, sha256)
        pipe.expect(service.healthy_output)
        arguments, variables = self._command(service)
        self._pids[service.name] = 0
        try:
            self.checksum_file(service).remove()
            pipe.recreate_if_missing()
            script = start_script(arguments, pipe.path, variables)
            self._pids[service.name] = await self._supervisor.start(service.slug, script)
        except (ControlFailed, OSError) as error:
            return Ended(service.name, f"not started: {error}")
        return None

    def _command(self, service: Definition) -> tuple[list[str], dict[str, str]]:
        """The command line of a service, and the environment variables that only this service gets."""
        file = self.copies.in_force(service)
        arguments = [str(service.program), service.config_command, str(file), *service.additional_arguments]
        if not service.is_nats_server:
            return arguments, {}
        config = (self.copies.read_in_force(service) or b"").decode("utf-8", "replace")
        jetstream = nats_server.jetstream_arguments(config, self._paths.home / "nats")
        return [*arguments, *jetstream], nats_server.variables(os.environ)

    async def set_stop_wait(self, service: Definition) -> None:
        """Set how long supervisord waits for the end of the service, as the config in force says."""
        await self._request(self._supervisor.set_stop_wait(service.slug, self._stop_wait_s(service)), service)

    async def stop(self, service: Definition) -> None:
        await self._request(self._supervisor.stop(service.slug), service)

    async def reload(self, service: Definition) -> None:
        await self._request(self._supervisor.hang_up(service.slug), service)

    async def kill(self, service: Definition) -> None:
        """Kill a process that does not respond, and those that it started."""
        pid = self.pid(service.name)
        with contextlib.suppress(ProcessLookupError, PermissionError, ControlFailed):
            if pid and (await self._supervisor.all_running()).get(service.slug) == pid:
                os.killpg(pid, signal.SIGKILL)  # supervisord gives each service a process group

    def _stop_wait_s(self, service: Definition) -> int:
        return stop_wait_s(self.copies.read_in_force(service) or b"", os.environ)

    @staticmethod
    async def _request(request: Awaitable[None], service: Definition) -> None:
        try:
            await request
        except ControlFailed as error:
            log.error("supervisord request failed", child=service.name, reason=str(error))

    # ------------------------------------------------------------------ shutdown

    def drain(self, names: Iterable[str] | None = None) -> None:
        """Write to the system log whatever these services (all of them) have written so far."""
        for name in self._pipes if names is None else names:
            if name in self._pipes:
                self._pipes[name].drain()

    async def end_all(self, appliance: Appliance) -> None:
        """Stop all services in order, as supervisord does at its own end."""
        ordered = sorted(
            enumerate(appliance.services), key=lambda item: stop_priority(item[1].definition, item[0]), reverse=True
        )
        for _, service in ordered:
            await _end(self.pid(service.name), self._stop_wait_s(service.definition))
            self.drain([service.name])
            self.checksum_file(service.definition).remove()

    def close(self) -> None:
        for pipe in self._pipes.values():
            pipe.close()


async def _end(pid: int, seconds: float) -> None:
    """End a process, and kill its process group, which supervisord gave to it."""
    if not pid:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError, TimeoutError):
        os.kill(pid, signal.SIGTERM)
        async with asyncio.timeout(seconds):
            while True:
                os.kill(pid, 0)
                await asyncio.sleep(_POLL_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
