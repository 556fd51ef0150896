"""The workers of a gateway: starts them, starts them again when they end, and asks them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gecholog import backoff
from gecholog.errors import GechologError
from gecholog.logs import Log
from services.gl.workers.channel import ChannelError
from services.gl.workers.fork_server_process import ForkServerProcess
from services.gl.workers.process import WorkerProcess
from services.gl.workers.share import Share
from services.gl.workers.worker_config import WorkerConfig

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from gecholog.task_owner import TaskOwner
    from services.gl.config import Config
    from services.gl.workers.fork_server_process import ForkServer
    from services.gl.workers.statusfiles import StatusFiles

log = Log("workers")

_ANSWER_WITHIN_S = 1.0  # for what is asked of all workers
_FIRST_PAUSE_S = 0.1  # before a worker is started again
_LONGEST_PAUSE_S = 5.0
_STABLE_AFTER_S = 10.0  # of serving, after which a worker is restarted at once
_MOST_FAILURES = 5  # of a worker in a row, while no other one serves


@dataclass(frozen=True, slots=True)
class InForce:
    """What a new worker begins with."""

    config: Config
    sockets: list[socket.socket]


class WorkerPool:
    """All workers, by their numbers. `fork_server` is the process that forks them.

    `changing` is held while a config is being put in force, and while a worker joins. `changed` is called when
    something has changed that others see. `restarts` is how often a worker was started again.
    """

    def __init__(
        self,
        fork_server: ForkServer,
        count: int,
        files: StatusFiles,
        in_force: Callable[[], InForce],
        changed: Callable[[], None],
    ) -> None:
        self._fork_server = fork_server
        self._files = files
        self._in_force = in_force
        self._changed = changed
        self._forks: ForkServerProcess | None = None
        self._renewing = asyncio.Lock()
        self._workers: dict[int, WorkerProcess] = {}
        self._joined = asyncio.Event()
        self._stopping = asyncio.Event()
        self.changing = asyncio.Lock()
        self.count = count
        self.restarts = 0

    # ------------------------------------------------------------------- life

    async def start(self) -> None:
        """Start all workers, without clients. Raises GechologError if one cannot serve: then none of them shall."""
        self._forks = ForkServerProcess.of(self._fork_server)
        try:
            async with asyncio.TaskGroup() as tasks:
                for index in range(self.count):
                    tasks.create_task(self._first_start(index), name=f"start of worker {index}")
        except ExceptionGroup as group:
            raise group.exceptions[0] from group

    async def serve(self) -> None:
        """Accept clients, now and from now on."""
        await asyncio.gather(*(worker.commit() for worker in self._workers.values()))

    def keep(self, owner: TaskOwner) -> None:
        """Start workers again when they end, as tasks of `owner`."""
        for index in range(self.count):
            owner.spawn(self._keep(index), f"worker {index}")

    async def stop(self, within_s: float) -> None:
        """Let all workers finish their calls within so many seconds, and end."""
        self._stopping.set()
        await asyncio.gather(*(worker.stop(within_s) for worker in self._workers.values()))
        for worker in self._workers.values():
            self._files.ended(worker)
        self._files.update((), self.count, self.restarts)
        self._files.remove()
        if self._forks is not None:
            await self._forks.stop()

    # ----------------------------------------------------------------- looking

    @property
    def present(self) -> list[WorkerProcess]:
        """The workers that exist, whether they serve or not."""
        return list(self._workers.values())

    @property
    def serving(self) -> list[WorkerProcess]:
        """The workers that serve calls."""
        return [worker for worker in self._workers.values() if worker.is_serving and worker.is_running]

    async def all_serve(self, seconds: float) -> None:
        """Wait until all workers serve, at most for so many seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while len(self.serving) < self.count:
            self._joined.clear()
            try:
                async with asyncio.timeout_at(end):
                    await self._joined.wait()
            except TimeoutError:
                return

    async def ask_all(self, name: str) -> dict[int, Any]:
        """Ask all workers that serve for one of `Gateway.answers`. Returns their answers, by their numbers."""
        members = self.serving
        calls = [worker.channel.call("ask", name, within=_ANSWER_WITHIN_S) for worker in members]
        results = await asyncio.gather(*calls, return_exceptions=True)
        answered = zip(members, results, strict=True)
        return {worker.index: result for worker, result in answered if not isinstance(result, BaseException)}

    def config_for(self, index: int, config: Config) -> WorkerConfig:
        """What worker number `index` is told to prepare."""
        return WorkerConfig(config.source, Share(index, self.count))

    # ----------------------------------------------------------------- workers

    async def _first_start(self, index: int) -> None:
        found = self._in_force()
        try:
            self._workers[index] = worker = await self._new(index)
            await worker.prepare(self.config_for(index, found.config), found.sockets)
        except ChannelError as error:
            raise GechologError(f"worker {index}: {error}") from error

    async def _new(self, index: int) -> WorkerProcess:
        """Start a process. Raises ChannelError, OSError."""
        return await WorkerProcess.start(index, await self._running_fork_server(), self._changed)

    async def _running_fork_server(self) -> ForkServerProcess:
        async with self._renewing:
            if self._forks is None or not self._forks.is_running:
                log.error("fork server of workers ended, starting another")
                self._forks = await ForkServerProcess.start(self._fork_server)
            return self._forks

    async def _keep(self, index: int) -> None:
        """Start a worker again whenever it ends. Raises GechologError if that does not help."""
        failures = 0
        while not self._stopping.is_set():
            since = asyncio.get_running_loop().time()
            await self._end_of(self._workers[index])
            was_stable = asyncio.get_running_loop().time() - since >= _STABLE_AFTER_S
            failures = 0 if was_stable else failures + 1
            if failures:
                await asyncio.sleep(backoff.exponential(failures - 1, _FIRST_PAUSE_S, _LONGEST_PAUSE_S))
            while not self._stopping.is_set() and not await self._restart(index):
                failures += 1
                if failures >= _MOST_FAILURES and not self.serving:
                    raise GechologError(f"worker {index} cannot be started")
                await asyncio.sleep(backoff.exponential(failures - 1, _FIRST_PAUSE_S, _LONGEST_PAUSE_S))

    async def _end_of(self, worker: WorkerProcess) -> None:
        """Wait for the end of a worker, and have the others publish the records that it leaves."""
        code = await worker.ended()
        self._forget(worker)
        self._changed()
        if not self._stopping.is_set():
            log.error("worker ended, starting another", worker=worker.index, exit_code=code)
            for other in self._workers.values():
                other.channel.tell("adopt", None)

    def _forget(self, worker: WorkerProcess) -> None:
        self._fork_server.counts.clear(worker.index)
        self._files.ended(worker)
        del self._workers[worker.index]

    async def _restart(self, index: int) -> bool:
        """Start a worker with the config in force. Returns whether it serves."""
        self.restarts += 1
        try:
            worker = await self._new(index)
        except (ChannelError, OSError) as error:
            log.error("cannot start worker", worker=index, reason=str(error))
            return False
        self._workers[index] = worker
        try:
            await self._join(worker)
        except ChannelError as error:
            if not self._stopping.is_set():
                log.error("cannot start worker", worker=index, reason=str(error))
            worker.kill()
        if not worker.is_serving:
            await worker.ended()
            self._forget(worker)
        self._changed()
        self._joined.set()
        return worker.is_serving

    async def _join(self, worker: WorkerProcess) -> None:
        """Have a worker serve with the config in force. Raises ChannelError."""
        found = self._in_force()
        await worker.prepare(self.config_for(worker.index, found.config), found.sockets)
        async with self.changing:
            if self._in_force().config is not found.config:  # there was a reload meanwhile
                raise ChannelError("another config has been put in force")
            await worker.commit()
