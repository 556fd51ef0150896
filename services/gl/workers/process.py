"""A worker, seen from its parent: a process of its own, and the channel to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

from gecholog.breakerstatus import OpenBreaker
from gecholog.logs import Log
from gecholog.recordstatus import RecordStatus
from services.gl.workers import reporting
from services.gl.workers.channel import CallTimedOut, Channel, ChannelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.gl.workers.fork_server_process import ForkedWorker, ForkServerProcess
    from services.gl.workers.worker_config import WorkerConfig

log = Log("workers")

PING_EVERY_S = 1.0
HANGS_AFTER_S = 10.0  # without an answer; ginit kills a service that hangs after 15 s
_COMMIT_WITHIN_S = 10.0  # it only switches; one that does not is blocked
_CANCEL_WITHIN_S = 2.5  # ginit waits 15 s for the answer to a reload, and most of that is for `prepare`
_STARTS_WITHIN_S = 60.0  # until a new process answers at all
FIRST_PREPARE_WITHIN_S = 24 * 3600.0  # at its start a worker may wait for the bus, as a single process does


class WorkerProcess:
    """One worker. `is_serving` from its first `commit` to its end."""

    def __init__(self, index: int, process: ForkedWorker, end: socket.socket, changed: Callable[[], None]) -> None:
        self.index = index
        self.is_serving = False
        self.records = RecordStatus()
        self.breakers: list[OpenBreaker] = []
        self._process = process
        self._changed = changed
        self.channel = Channel(end, {reporting.RECORDS: self._take_records, reporting.BREAKERS: self._take_breakers})
        self._ended: asyncio.Task[int | None] = asyncio.create_task(self._live(), name=f"worker {index}")

    @classmethod
    async def start(cls, index: int, fork_server: ForkServerProcess, changed: Callable[[], None]) -> WorkerProcess:
        """Start a process. `changed` is called when the worker has reported something. Raises ChannelError."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await fork_server.fork(index, theirs)
            except BaseException:
                ours.close()
                raise
        return cls(index, process, ours, changed)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return not self._ended.done()

    # ------------------------------------------------------------------ requests

    async def prepare(
        self, config: WorkerConfig, sockets: Sequence[socket.socket], within_s: float = FIRST_PREPARE_WITHIN_S
    ) -> None:
        """Have it prepare a config: everything that may fail. Raises ChannelError."""
        await self.channel.call("prepare", config.to_json(), sockets, within=within_s)

    async def commit(self) -> None:
        """Have it put the prepared config in force. A worker that cannot is killed, its successor begins with it."""
        try:
            await self.channel.call("commit", within=_COMMIT_WITHIN_S)
        except ChannelError as error:
            if self.is_running:
                log.error("worker cannot put the config in force, killing it", worker=self.index, reason=str(error))
                self.kill()
        else:
            self.is_serving = True

    async def cancel(self) -> None:
        """Have it discard the prepared config. A worker that cannot is killed."""
        try:
            await self.channel.call("cancel", within=_CANCEL_WITHIN_S)
        except ChannelError:
            self.kill()

    async def stop(self, within_s: float) -> None:
        """Have it finish its calls and end; it is killed after `within_s` seconds, or at once if it has no calls."""
        if self.is_serving:
            self.channel.tell("stop", None)
            await asyncio.wait({self._ended}, timeout=within_s)
            if self.is_running:
                log.error("worker does not end, killing it", worker=self.index)
        self.kill()
        await asyncio.wait({self._ended})

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            if self.is_running:
                os.kill(self.pid, signal.SIGKILL)

    # -------------------------------------------------------------------- life

    async def ended(self) -> int | None:
        """Wait for its end. Returns the exit code, negative for a signal; None if it is not known."""
        return await asyncio.shield(self._ended)

    async def _live(self) -> int | None:
        carrying = asyncio.create_task(self._carry(), name=f"channel of worker {self.index}")
        watching = asyncio.create_task(self._kill_if_it_hangs(), name=f"pings of worker {self.index}")
        try:
            code = await self._process.exit_code
            await carrying  # what it has said last; without the fork server, this alone tells that the worker has ended
            return code
        finally:
            for task in (carrying, watching):
                task.cancel()
            await asyncio.gather(carrying, watching, return_exceptions=True)

    async def _carry(self) -> None:
        """Carry messages. A worker whose channel has ended accepts no more clients."""
        await self.channel.run()
        self.is_serving = False
        self._changed()

    async def _kill_if_it_hangs(self) -> None:
        while True:
            await asyncio.sleep(PING_EVERY_S)
            try:
                await self.channel.call("ping", within=HANGS_AFTER_S if self.is_serving else _STARTS_WITHIN_S)
            except CallTimedOut:
                log.error("worker hangs, killing it", worker=self.index)
                self.kill()
            except ChannelError:
                return

    # ----------------------------------------------------------------- reports

    async def _take_records(self, argument: Any, _: list[socket.socket]) -> None:
        self.records = RecordStatus(**argument)
        self._changed()

    async def _take_breakers(self, argument: Any, _: list[socket.socket]) -> None:
        self.breakers = [OpenBreaker(**one) for one in argument]
        self._changed()
