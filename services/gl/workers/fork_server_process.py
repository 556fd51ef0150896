"""The fork server, seen from its parent: the process that forks each worker."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from gecholog.logs import Log
from services.gl.workers import fork_server
from services.gl.workers.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.gl.workers.balance import Counts

log = Log("workers")

_MODULE = "services.gl"
_FORKS_WITHIN_S = 60.0  # a fork server that is started as a program has to load gl first


@dataclass(frozen=True, slots=True)
class ForkServer:
    """A fork server that this process has forked, and our end of the channel to it."""

    alias: str
    counts: Counts
    pid: int
    end: socket.socket


@dataclass(frozen=True, slots=True)
class ForkedWorker:
    """A process that will be a worker. `exit_code` is None if the fork server ends first: then nobody will know it."""

    pid: int
    exit_code: asyncio.Future[int | None]


def fork(alias: str, counts: Counts) -> ForkServer:
    """Fork the fork server from this process, which must have no threads and no event loop yet. Raises OSError."""
    ours, theirs = socket.socketpair()
    fork_server.freeze()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _end_with(lambda: fork_server.run(theirs, alias, counts))
    theirs.close()
    return ForkServer(alias, counts, pid, ours)


def _end_with(work: Callable[[], int]) -> NoReturn:
    """End this process with the result of `work`. What its caller would have done is its parent's to do."""
    code = 1
    try:
        code = work()
    except BaseException:  # noqa: BLE001 - a border: whatever happens, the child must not go on as its parent
        traceback.print_exc()
    finally:
        os._exit(code)


class ForkServerProcess:
    """A running fork server."""

    def __init__(self, end: socket.socket, reap: Callable[[], Awaitable[Any]]) -> None:
        """`reap` waits for the end of the process."""
        self._channel = Channel(end, {fork_server.ENDED: self._take_ended})
        self._exits: dict[int, asyncio.Future[int | None]] = {}
        self._reap = reap
        self._living = asyncio.create_task(self._live(), name="fork server of workers")

    @classmethod
    def of(cls, forked: ForkServer) -> ForkServerProcess:
        """The fork server that was forked before the event loop began."""
        return cls(forked.end, lambda: asyncio.to_thread(os.waitpid, forked.pid, 0))

    @classmethod
    async def start(cls, first: ForkServer) -> ForkServerProcess:
        """Start a fork server as a program, in place of the first one. Raises OSError."""
        counts = first.counts.descriptor
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *_command(first.alias, theirs.fileno(), counts),
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno(), counts],
                )
            except BaseException:
                ours.close()
                raise
        return cls(ours, process.wait)

    @property
    def is_running(self) -> bool:
        return not self._living.done()

    async def fork(self, index: int, end: socket.socket) -> ForkedWorker:
        """Fork worker number `index`. `end` is the worker's end of its channel. Raises ChannelError."""
        pid = await self._channel.call(fork_server.START, index, [end], within=_FORKS_WITHIN_S)
        return ForkedWorker(pid, self._exit_of(pid))

    async def stop(self) -> None:
        """End it. Its workers live on."""
        self._channel.shut()
        await asyncio.wait({self._living})

    async def _live(self) -> None:
        try:
            await self._channel.run()
        finally:
            for exit_code in self._exits.values():
                if not exit_code.done():
                    exit_code.set_result(None)
            await self._reap()

    async def _take_ended(self, argument: Any, _: list[socket.socket]) -> None:
        exit_code = self._exit_of(argument["pid"])
        if not exit_code.done():
            exit_code.set_result(argument["code"])
        del self._exits[argument["pid"]]

    def _exit_of(self, pid: int) -> asyncio.Future[int | None]:
        found = self._exits.get(pid)
        if found is None:
            found = self._exits[pid] = asyncio.get_running_loop().create_future()
        return found


def _command(alias: str, channel: int, counts: int) -> list[str]:
    safe_path = ["-P"] if sys.flags.safe_path else []  # as in services/bin/program
    numbers = ["--channel", str(channel), "--counts", str(counts)]
    return [sys.executable, *safe_path, "-m", _MODULE, fork_server.OPTION, *numbers, "-a", alias]
