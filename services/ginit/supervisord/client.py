"""The client of supervisord's XML-RPC API: over a local socket ginit asks it to start, stop and signal services.

The API is described at http://supervisord.org/api.html. supervisord knows a service by its slug (`Definition.slug`).
"""

from __future__ import annotations

import asyncio
import http.client
import shutil
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ProtocolError, ServerProxy

from supervisor.states import ProcessStates
from supervisor.xmlrpc import Faults, SupervisorTransport

from gecholog import regular_file
from gecholog.errors import GechologError
from services.ginit.supervisord.program import CONF, program_section

_TIMEOUT_S = 10.0  # of a request; more than it takes to create a lost socket again
_RECONNECT_S = 0.2


_Method = Callable[[Any], Callable[..., Any]]


class ControlFailed(GechologError):
    """supervisord has rejected a request, or does not respond."""


class ShuttingDown(ControlFailed):
    """supervisord rejects requests because it is stopping everything."""


def _holds(file: Path, text: str) -> bool:
    try:
        return regular_file.read_bytes(file) == text.encode()
    except OSError:
        return False


class Supervisor:
    """Sends requests to supervisord, one at a time. All methods raise ControlFailed."""

    def __init__(self, server_url: str, folder: Path) -> None:
        """`server_url` is SUPERVISOR_SERVER_URL; `folder` gets the files that supervisord includes."""
        self._server_url = server_url
        self._proxy = _proxy(server_url)
        self._folder = folder
        self._one_at_a_time = asyncio.Lock()  # there is one connection

    async def all_running(self) -> dict[str, int]:
        """The pid of each service by its slug, also of one that is stopping; 0 if it has no process."""
        known = await self._ask(attrgetter("supervisor.getAllProcessInfo"))
        return {info["group"]: info["pid"] for info in known}

    async def define(self, slug: str, priority: int) -> None:
        """Add a service, or change its priority. One with a higher number is stopped earlier. Raises OSError."""
        self._make_folder()
        (self._folder / f"{slug}.conf").write_text(program_section(slug, priority), "utf-8")
        await self._ask(attrgetter("supervisor.reloadConfig"))
        await self._ask(attrgetter("supervisor.addProcessGroup"), slug, unless=Faults.ALREADY_ADDED)

    async def start(self, slug: str, script: str) -> int:
        """Start a process; returns its pid, 0 if it has ended already. Raises OSError if its script is not written."""
        file = self._folder / f"{slug}.sh"
        if not _holds(file, script):  # on a full disk the one that is there will do
            self._make_folder()
            file.write_text(script, "utf-8")
        # a process that ends at once is a spawn error too, but its end is notified like any other
        await self._ask(attrgetter("supervisor.startProcess"), slug, False, unless=Faults.SPAWN_ERROR)  # noqa: FBT003
        info = await self._ask(attrgetter("supervisor.getProcessInfo"), slug)
        if info["state"] in {ProcessStates.BACKOFF, ProcessStates.FATAL}:
            raise ControlFailed(info["spawnerr"])
        return int(info["pid"])

    async def stop(self, slug: str) -> None:
        """Ask a process to end; it is killed if it does not."""
        await self._ask(attrgetter("supervisor.stopProcess"), slug, False, unless=Faults.NOT_RUNNING)  # noqa: FBT003

    async def set_stop_wait(self, slug: str, seconds: int) -> None:
        """From now on, kill the process if it has not ended so many seconds after it was asked to."""
        await self._ask(attrgetter("gecholog.setStopWait"), slug, seconds)

    async def hang_up(self, slug: str) -> None:
        """Send SIGHUP."""
        await self._ask(attrgetter("supervisor.signalProcess"), slug, "HUP", unless=Faults.NOT_RUNNING)

    async def responds(self) -> bool:
        """Tell whether supervisord responds at all."""
        try:
            await self._ask(attrgetter("supervisor.getState"))
        except ControlFailed:
            return False
        return True

    async def exit_status(self, slug: str) -> int:
        """The exit code of a process that has ended; -1 after a signal."""
        info = await self._ask(attrgetter("supervisor.getProcessInfo"), slug)
        return int(info["exitstatus"])

    async def remove(self, slug: str) -> None:
        """Remove a service whose process has ended."""
        for kind in ("conf", "sh"):
            (self._folder / f"{slug}.{kind}").unlink(missing_ok=True)
        await self._ask(attrgetter("supervisor.reloadConfig"))
        await self._ask(attrgetter("supervisor.removeProcessGroup"), slug, unless=Faults.BAD_NAME)

    def _make_folder(self) -> None:
        """Create the folder, and supervisord's own file above it, if they were removed. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (file := self._folder.parent / CONF.name).exists():
            shutil.copyfile(CONF, file)

    async def _ask(self, method: _Method, *arguments: object, unless: int | None = None) -> Any:
        """Call a method; a fault of the kind `unless` does not count."""
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    return await self._connected(method, *arguments)
            except Fault as fault:
                if fault.faultCode == unless:
                    return None
                kind = ShuttingDown if fault.faultCode == Faults.SHUTDOWN_STATE else ControlFailed
                raise kind(fault.faultString) from fault
            except (ProtocolError, http.client.HTTPException, OSError, TimeoutError) as error:
                self._proxy = _proxy(self._server_url)  # a thread may still wait on the old connection
                raise ControlFailed(f"supervisord does not respond: {error}") from error

    async def _connected(self, method: _Method, *arguments: object) -> Any:
        """The result of a method. If the socket was removed, wait until `socket_repair` has created it again."""
        while True:
            try:
                return await asyncio.to_thread(method(self._proxy), *arguments)
            except (FileNotFoundError, ConnectionRefusedError):
                self._proxy = _proxy(self._server_url)
                await asyncio.sleep(_RECONNECT_S)


def _proxy(server_url: str) -> ServerProxy:
    transport = SupervisorTransport(None, None, server_url)
    return ServerProxy("http://127.0.0.1", transport=transport)  # the address is not used
