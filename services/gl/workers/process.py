"""A worker, seen from its parent: a process of its own with a fresh interpreter, and the channel to it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from gecholog.breakerstatus import OpenBreaker
from gecholog.logs import Log
from gecholog.recordstatus import RecordStatus
from services.gl.workers import reporting
from services.gl.workers.channel import CallTimedOut, Channel, ChannelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.gl.workers.order import Order

log = Log("workers")

MODULE = "services.gl"
PREPARE_WITHIN_S = 12.0  # less than ginit waits for the answer to a reload
COMMIT_WITHIN_S = 60.0  # a slow bus may delay what follows the switch; pings find a worker that hangs
PING_EVERY_S = 1.0
HANGS_AFTER_S = 10.0  # without an answer; ginit kills a service that hangs after 15 s
_STARTS_WITHIN_S = 60.0  # until a new process answers at all
_FIRST_PREPARE_WITHIN_S = 24 * 3600.0  # at its start a worker may wait for the bus, as a single process does


class WorkerProcess:
    """One worker. `is_serving` from its first `commit` to its end."""

    def __init__(
        self, index: int, process: asyncio.subprocess.Process, end: socket.socket, changed: Callable[[], None]
    ) -> None:
        self.index = index
        self.is_serving = False
        self.records = RecordStatus()
        self.breakers: list[OpenBreaker] = []
        self._process = process
        self._changed = changed
        self.channel = Channel(end, {reporting.RECORDS: self._take_records, reporting.BREAKERS: self._take_breakers})
        self._ended: asyncio.Task[int] = asyncio.create_task(self._live(), name=f"worker {index}")

    @classmethod
    async def start(cls, index: int, alias: str, counts: int, changed: Callable[[], None]) -> WorkerProcess:
        """Start a process. `counts` is the descriptor of the file of `Counts`. Raises OSError.

        `changed` is called when the worker has reported something.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            command = command_line(index, alias, theirs.fileno(), counts)
            try:
                process = await asyncio.create_subprocess_exec(
                    *command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno(), counts]
                )
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

    # ------------------------------------------------------------------ orders

    async def prepare(self, order: Order, sockets: Sequence[socket.socket]) -> None:
        """Have it prepare a config: everything that may fail. Raises ChannelError."""
        within = PREPARE_WITHIN_S if self.is_serving else _FIRST_PREPARE_WITHIN_S
        await self.channel.call("prepare", order.to_json(), sockets, within=within)

    async def commit(self) -> None:
        """Have it put the prepared config in force. A worker that cannot is killed, its successor begins with it."""
        try:
            await self.channel.call("commit", within=COMMIT_WITHIN_S)
        except ChannelError as error:
            if self.is_running:
                log.error("worker cannot put the config in force, killing it", worker=self.index, reason=str(error))
                self.kill()
        else:
            self.is_serving = True

    async def cancel(self) -> None:
        """Have it discard the prepared config. A worker that cannot is killed."""
        try:
            await self.channel.call("cancel", within=COMMIT_WITHIN_S)
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
            self._process.send_signal(signal.SIGKILL)

    # -------------------------------------------------------------------- life

    async def ended(self) -> int:
        """Wait for its end. Returns the exit code, negative for a signal."""
        return await asyncio.shield(self._ended)

    async def _live(self) -> int:
        carrying = asyncio.create_task(self._carry(), name=f"channel of worker {self.index}")
        watching = asyncio.create_task(self._kill_if_it_hangs(), name=f"pings of worker {self.index}")
        try:
            code = await self._process.wait()
            await carrying  # what it has said last
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


def command_line(index: int, alias: str, channel: int, counts: int) -> list[str]:
    """The command that starts a worker."""
    safe_path = ["-P"] if sys.flags.safe_path else []  # as in services/bin/program
    numbers = ["--worker", str(index), "--channel", str(channel), "--counts", str(counts)]
    return [sys.executable, *safe_path, "-m", MODULE, *numbers, "-a", alias]
