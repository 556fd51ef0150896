"""The parent of the workers: the one process of gl that others see, by its signals, its health and its answers.

It serves no calls. It binds the port, and its workers accept clients from the same socket. A reload has two phases:
every worker prepares the config, which may fail, and only when all have done so do all put it in force.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from gecholog import backoff, health, rawjson
from gecholog.bus import Bus
from gecholog.errors import GechologError
from gecholog.logs import Log
from gecholog.metrics.snapshot import merge
from gecholog.service import connect_bus, replacing_bus
from services.gl.gateway import answer_for_gateway
from services.gl.listening.admin import AdminListener, Health
from services.gl.metrics.bus_services import BusServices
from services.gl.workers import combined
from services.gl.workers.balance import Counts
from services.gl.workers.channel import ChannelClosed, ChannelError
from services.gl.workers.metrics import WorkerMetrics
from services.gl.workers.order import Order
from services.gl.workers.process import WorkerProcess
from services.gl.workers.share import Share
from services.gl.workers.sockets import BoundSocket
from services.gl.workers.statusfiles import StatusFiles

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from gecholog.bus import BusMessage
    from gecholog.metrics.snapshot import Snapshot
    from gecholog.task_owner import TaskOwner
    from services.gl.config import Config

log = Log("workers")

_BUS_WITHIN_S = 2.0  # at the start; the workers know whether they can serve without it
_TELL_EVERY_S = 3.0  # while workers start
_ANSWER_WITHIN_S = 1.0  # for what is asked of all workers
_STOP_EXTRA_S = 6.0  # to publish and store what is left, after the time for calls
_FIRST_PAUSE_S = 0.1  # before a worker is started again
_LONGEST_PAUSE_S = 5.0
_STABLE_AFTER_S = 10.0  # of serving, after which a worker is restarted at once
_MOST_FAILURES = 5  # of a worker in a row, while no other one serves
_SUCCESSOR_WITHIN_S = 5.0


class _WorkerGone(GechologError):
    """A worker has ended while it prepared a config."""


class Parent:
    """The service gl with several workers."""

    def __init__(self, config: Config, alias: str) -> None:
        self._alias = alias
        self._config = config  # in force
        self._count = config.workers
        self._sockets = BoundSocket()
        self._files = StatusFiles(alias, health.home())
        self._workers: dict[int, WorkerProcess] = {}
        self._counts_file = Counts.create()
        self._counts = Counts(self._counts_file.fileno())
        self._restarts = 0
        self._changing = asyncio.Lock()  # held while a config is being put in force, and while a worker joins
        self._joined = asyncio.Event()
        self._stopping = asyncio.Event()
        self._owner: TaskOwner | None = None
        self._bus: Bus | None = None
        self._metrics = WorkerMetrics()
        self._services = BusServices(lambda: self._bus)
        self._admin = AdminListener(self._snapshot, self._health)

    # ------------------------------------------------------------------- life

    async def start(self, owner: TaskOwner) -> None:
        """Bind the port, and start the workers. They accept clients when all of them are ready."""
        self._owner = owner
        config = self._config
        await self._sockets.bind(config, self._files.are_workers_alive)
        await self._admin.use(config.admin)
        self._bus = bus = await self._new_bus(config)
        telling = asyncio.create_task(_tell_that_workers_start(self._count), name="progress of the start")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(connect_bus(owner, bus, _BUS_WITHIN_S, is_required=False), name="bus of the parent")
                for index in range(self._count):
                    tasks.create_task(self._first_start(index), name=f"start of worker {index}")
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            telling.cancel()
        self._sockets.listen()
        await asyncio.gather(*(worker.commit() for worker in self._workers.values()))
        self._report()
        for index in range(self._count):
            owner.spawn(self._keep(index), f"worker {index}")
        owner.spawn(self._services.run(), "metrics of services")
        log.info("workers started", workers=self._count)

    async def _first_start(self, index: int) -> None:
        """Start a worker. Raises GechologError if it cannot serve: then the whole service does not start."""
        self._workers[index] = worker = await self._new_worker(index)
        try:
            await worker.prepare(self._order(index, self._config), self._sockets.current)
        except ChannelError as error:
            raise GechologError(f"worker {index}: {error}") from error

    async def _new_worker(self, index: int) -> WorkerProcess:
        """Start a process. Raises OSError."""
        return await WorkerProcess.start(index, self._alias, self._counts_file.fileno(), self._report)

    async def stop(self) -> None:
        """Let all workers finish their calls, and end."""
        self._stopping.set()
        self._sockets.close()
        within = self._config.shutdown_time + _STOP_EXTRA_S
        await asyncio.gather(*(worker.stop(within) for worker in self._workers.values()))
        await self._admin.stop()
        for worker in self._workers.values():
            self._files.ended(worker)
        self._files.update((), self._count, self._restarts)
        self._files.remove()
        if self._bus is not None:
            await self._bus.close()
        self._counts_file.close()

    # ------------------------------------------------------------------ reload

    async def reload(self, config: Config) -> None:
        """Put a config in force in all workers, or in none. Raises GechologError if one cannot prepare it.

        If a worker ends meanwhile, all is tried once more with its successor: it may have been the config's fault.
        """
        if config.workers != self._count:
            log.warning("another number of workers takes effect when gl starts again", workers=self._count)
        try:
            await self._reload(config)
        except _WorkerGone as error:
            log.warning("worker ended during a reload, trying again", reason=str(error))
            await self._all_serve(_SUCCESSOR_WITHIN_S)
            await self._reload(config)

    async def _reload(self, config: Config) -> None:
        async with self._changing, AsyncExitStack() as undo:
            members = [worker for worker in self._workers.values() if worker.is_serving and worker.is_running]
            if not members:
                raise GechologError("no worker is serving")
            sockets = self._sockets.prepare(config)
            undo.callback(self._sockets.cancel)
            undo.push_async_callback(_cancel, members)
            bus = await self._bus_for(config)
            async with replacing_bus(self._required_owner(), bus):
                await self._prepare(members, config, sockets)
                self._sockets.listen()
            undo.pop_all()
            self._sockets.commit(config)
            self._config = config  # a worker that ends from now on is followed by one with this config
            await asyncio.gather(*(worker.commit() for worker in members))
        await self._admin.use(config.admin)
        if bus is not None and self._bus is not None:
            old, self._bus = self._bus, bus
            await old.close()

    async def _prepare(self, members: Sequence[WorkerProcess], config: Config, sockets: list[socket.socket]) -> None:
        """Have all workers prepare a config. Raises GechologError with the reason of the first that cannot."""
        orders = [worker.prepare(self._order(worker.index, config), sockets) for worker in members]
        results = await asyncio.gather(*orders, return_exceptions=True)
        failed = [
            (worker, result)
            for worker, result in zip(members, results, strict=True)
            if isinstance(result, BaseException)
        ]
        for worker, error in failed:
            if isinstance(error, ChannelClosed):
                raise _WorkerGone(f"worker {worker.index} has ended")
            if not isinstance(error, ChannelError):
                raise error
        for worker, error in failed:
            raise GechologError(f"worker {worker.index}: {error}")

    def _order(self, index: int, config: Config) -> Order:
        return Order(config.source, Share(index, self._count))

    async def _all_serve(self, seconds: float) -> None:
        """Wait until all workers serve, at most for so many seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while sum(one.is_serving and one.is_running for one in self._workers.values()) < self._count:
            self._joined.clear()
            try:
                async with asyncio.timeout_at(end):
                    await self._joined.wait()
            except TimeoutError:
                return

    # ----------------------------------------------------------------- workers

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
                if failures >= _MOST_FAILURES and not self._is_any_serving:
                    raise GechologError(f"worker {index} cannot be started")
                await asyncio.sleep(backoff.exponential(failures - 1, _FIRST_PAUSE_S, _LONGEST_PAUSE_S))

    async def _end_of(self, worker: WorkerProcess) -> None:
        """Wait for the end of a worker, and have the others publish the records that it leaves."""
        code = await worker.ended()
        self._counts.clear(worker.index)
        self._files.ended(worker)
        del self._workers[worker.index]
        self._report()
        if not self._stopping.is_set():
            log.error("worker ended, starting another", worker=worker.index, exit_code=code)
            for other in self._workers.values():
                other.channel.tell("adopt", None)

    async def _restart(self, index: int) -> bool:
        """Start a worker with the config in force. Returns whether it serves."""
        self._restarts += 1
        try:
            worker = await self._new_worker(index)
        except OSError as error:
            log.error("cannot start worker", worker=index, reason=str(error))
            return False
        self._workers[index] = worker
        try:
            config = self._config
            await worker.prepare(self._order(index, config), self._sockets.current)
            async with self._changing:
                if config is not self._config:  # there was a reload meanwhile
                    raise ChannelError("another config has been put in force")  # noqa: TRY301 - as any other failure
                await worker.commit()
        except ChannelError as error:
            if not self._stopping.is_set():
                log.error("cannot start worker", worker=index, reason=str(error))
            worker.kill()
        if not worker.is_serving:
            await worker.ended()
            self._counts.clear(index)
            self._files.ended(worker)
            del self._workers[index]
        self._report()
        self._joined.set()
        return worker.is_serving

    @property
    def _is_any_serving(self) -> bool:
        return any(one.is_serving and one.is_running for one in self._workers.values())

    def _report(self) -> None:
        """Let others know what has changed: health, and the status files."""
        self._files.update(self._workers.values(), self._count, self._restarts)
        if self._owner is not None and any(one.is_serving for one in self._workers.values()) != self._owner.healthy:
            self._owner.set_healthy(healthy=not self._owner.healthy)

    async def ask_all(self, name: str) -> dict[int, Any]:
        """Ask all workers that serve for one of `Gateway.answers`. Returns their answers, by their numbers."""
        members = [worker for worker in self._workers.values() if worker.is_serving]
        calls = [worker.channel.call("ask", name, within=_ANSWER_WITHIN_S) for worker in members]
        results = await asyncio.gather(*calls, return_exceptions=True)
        answered = zip(members, results, strict=True)
        return {worker.index: result for worker, result in answered if not isinstance(result, BaseException)}

    # ----------------------------------------------------------------- metrics

    async def _snapshot(self) -> Snapshot:
        """The metrics of all workers and of other services, and the memory of this process."""
        return merge([self._metrics.combined(await self.ask_all("metrics")), self._services.snapshot()])

    def _health(self) -> Health:
        status = "ok" if self._is_any_serving else "starting"
        return Health("stopping" if self._stopping.is_set() else status, self._bus is not None and self._bus.connected)

    # --------------------------------------------------------------------- bus

    async def _new_bus(self, config: Config) -> Bus:
        bus = Bus(config.bus, self._alias, log)
        await answer_for_gateway(bus, self._alias, config, self._answer_is_alive)
        return bus

    async def _bus_for(self, config: Config) -> Bus | None:
        """A bus for a new config; None if the one in use serves it as well."""
        is_same = (config.bus, config.topics) == (self._config.bus, self._config.topics)
        return None if is_same else await self._new_bus(config)

    async def _answer_is_alive(self, message: BusMessage) -> None:
        reports = await self.ask_all("status")
        await message.answer(rawjson.dumps(combined.is_alive_report(reports.values())))

    def _required_owner(self) -> TaskOwner:
        if self._owner is None:
            raise GechologError("not started")
        return self._owner


async def _tell_that_workers_start(count: int) -> None:
    """Log something now and then: ginit takes a service that is silent while it starts for one that hangs."""
    while True:
        await asyncio.sleep(_TELL_EVERY_S)
        log.info("workers are starting", workers=count)


async def _cancel(members: Sequence[WorkerProcess]) -> None:
    """Have workers discard what they have prepared."""
    await asyncio.gather(*(worker.cancel() for worker in members if worker.is_running))
