"""The parent of the workers: the one process of gl that others see, by its signals, its health and its answers.

It serves no calls. It binds the port, and its workers accept clients from the same socket. A reload has two phases:
every worker prepares the config, which may fail, and only when all have done so do all put it in force.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from gecholog import health, rawjson
from gecholog.bus import Bus
from gecholog.errors import GechologError
from gecholog.logs import Log
from gecholog.metrics.snapshot import merge
from gecholog.service import connect_bus, replacing_bus
from services.gl.gateway import answer_for_gateway
from services.gl.listening.admin import AdminListener, Health
from services.gl.metrics.bus_services import BusServices
from services.gl.workers import combined, fork_server_process, two_phase
from services.gl.workers.balance import Counts
from services.gl.workers.metrics import WorkerMetrics
from services.gl.workers.sockets import BoundSocket
from services.gl.workers.statusfiles import StatusFiles
from services.gl.workers.worker_pool import InForce, WorkerPool

if TYPE_CHECKING:
    from gecholog.bus import BusMessage
    from gecholog.metrics.snapshot import Snapshot
    from gecholog.task_owner import TaskOwner
    from services.gl.config import Config
    from services.gl.workers.process import WorkerProcess

log = Log("workers")

_BUS_WITHIN_S = 2.0  # at the start; the workers know whether they can serve without it
_TELL_EVERY_S = 3.0  # while workers start
_STOP_EXTRA_S = 6.0  # to publish and store what is left, after the time for calls
_RELOAD_WITHIN_S = 11.0  # for all that may fail; ginit waits 15 s for the answer to a reload, then it restarts gl
_SUCCESSOR_WITHIN_S = 5.0


class Parent:
    """The service gl with several workers."""

    def __init__(self, config: Config, alias: str) -> None:
        """To be called before the process has threads or an event loop: it is forked. Raises OSError."""
        self._alias = alias
        self._config = config  # in force
        self._sockets = BoundSocket()
        self._files = StatusFiles(alias, health.home())
        self._counts_file = Counts.create()
        fork_server = fork_server_process.fork(alias, Counts(self._counts_file.fileno()))
        self._pool = WorkerPool(fork_server, config.workers, self._files, self._in_force, self._report)
        self._is_stopping = False
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
        telling = asyncio.create_task(_tell_that_workers_start(config.workers), name="progress of the start")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(connect_bus(owner, bus, _BUS_WITHIN_S, is_required=False), name="bus of the parent")
                tasks.create_task(self._pool.start(), name="start of workers")
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            telling.cancel()
        self._sockets.listen()
        await self._pool.serve()
        self._report()
        self._pool.keep(owner)
        owner.spawn(self._services.run(), "metrics of services")
        log.info("workers started", workers=config.workers)

    async def stop(self) -> None:
        """Let all workers finish their calls, and end."""
        self._is_stopping = True
        self._sockets.close()
        await self._pool.stop(self._config.shutdown_time + _STOP_EXTRA_S)
        await self._admin.stop()
        if self._bus is not None:
            await self._bus.close()
        self._counts_file.close()

    # ------------------------------------------------------------------ reload

    async def reload(self, config: Config) -> None:
        """Put a config in force in all workers, or in none. Raises GechologError if one cannot prepare it.

        If a worker ends meanwhile, all is tried once more with its successor: it may have been the config's fault.
        """
        if config.workers != self._pool.count:
            log.warning("another number of workers takes effect when gl starts again", workers=self._pool.count)
        end = asyncio.get_running_loop().time() + _RELOAD_WITHIN_S
        try:
            await self._reload(config, end)
        except two_phase.WorkerGone as error:
            log.warning("worker ended during a reload, trying again", reason=str(error))
            await self._pool.all_serve(_SUCCESSOR_WITHIN_S)
            await self._reload(config, end)

    async def _reload(self, config: Config, end: float) -> None:
        """Put a config in force. All that may fail has time until `end`, by the clock of the event loop."""
        owner = self._required_owner()
        async with self._pool.changing, AsyncExitStack() as undo:
            members = self._pool.serving
            if not members:
                raise GechologError("no worker is serving")
            sockets = self._sockets.prepare(config)
            undo.callback(self._sockets.cancel)
            undo.push_async_callback(two_phase.cancel, members)
            bus = await self._bus_for(config)

            async def prepared(worker: WorkerProcess) -> None:
                left = max(0.0, end - asyncio.get_running_loop().time())
                await worker.prepare(self._pool.config_for(worker.index, config), sockets, left)

            async with replacing_bus(owner, bus):
                await two_phase.prepare(members, prepared)
                self._sockets.listen()
            undo.pop_all()
            self._sockets.commit(config)
            self._config = config  # a worker that ends from now on is followed by one with this config
            await two_phase.commit(members, owner)
        await self._admin.use(config.admin)
        if bus is not None and self._bus is not None:
            old, self._bus = self._bus, bus
            await old.close()

    def _in_force(self) -> InForce:
        return InForce(self._config, self._sockets.current)

    # ------------------------------------------------------------------ health

    def _report(self) -> None:
        """Let others know what has changed: health, and the status files."""
        self._files.update(self._pool.present, self._pool.count, self._pool.restarts)
        if self._owner is not None and bool(self._pool.serving) != self._owner.healthy:
            self._owner.set_healthy(healthy=not self._owner.healthy)

    def _health(self) -> Health:
        status = "ok" if self._pool.serving else "starting"
        return Health("stopping" if self._is_stopping else status, self._bus is not None and self._bus.connected)

    async def _snapshot(self) -> Snapshot:
        """The metrics of all workers and of other services, and the memory of this process."""
        return merge([self._metrics.combined(await self._pool.ask_all("metrics")), self._services.snapshot()])

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
        reports = await self._pool.ask_all("status")
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
