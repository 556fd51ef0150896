"""A worker as a program: it serves calls as its parent tells it, and ends when the parent has ended.

The parent may be killed at any moment. The worker sees the end of their channel then: it stops accepting clients at
once, so that the port is free for the next parent, finishes its calls and their records, and ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import uvloop

from gecholog import health, logs
from gecholog.config import check
from gecholog.errors import ConfigError, GechologError
from gecholog.logs import Log
from gecholog.service import settle_the_collector
from gecholog.task_owner import TaskOwner
from services.gl.config import build, config_spec
from services.gl.gateway import Gateway
from services.gl.role import Role
from services.gl.workers.channel import Channel
from services.gl.workers.passed_socket import PassedSocket
from services.gl.workers.reporting import ReportedBreakers, ReportedRecords
from services.gl.workers.worker_config import WorkerConfig

if TYPE_CHECKING:
    import socket

    from services.gl.config import Config
    from services.gl.gateway import Prepared
    from services.gl.workers.balance import WorkerBalance

log = Log("workers")

_LONGEST_END_S = 20.0  # beyond the time for calls; then a worker whose parent has ended exits, whatever it does


def run(end: socket.socket, alias: str, index: int, balance: WorkerBalance) -> int:
    """Run worker number `index`, and return its exit code. `end` is its end of the channel to the parent."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(end, alias, index, balance))


async def _run(end: socket.socket, alias: str, index: int, balance: WorkerBalance) -> int:
    return await Worker(end, alias, index, balance).live()


class Worker:
    """Carries out the requests of the parent."""

    def __init__(self, end: socket.socket, alias: str, index: int, balance: WorkerBalance) -> None:
        self._balance = balance
        self._alias = alias
        self._index = index
        self._owner = TaskOwner()
        self._passed = PassedSocket()
        self._gateway: Gateway | None = None
        self._prepared: Prepared | None = None
        self._is_serving = False
        self._in_force: Config | None = None
        self._next: Config | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._channel = Channel(
            end,
            {
                "prepare": self._prepare,
                "commit": self._commit,
                "cancel": self._cancel,
                "stop": self._stop,
                "ping": self._ping,
                "ask": self._ask,
                "adopt": self._adopt,
            },
        )

    async def live(self) -> int:
        """Serve until the parent says so or has ended, or until something fails. Returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGHUP):  # meant for the parent, when they go to a whole group
            loop.add_signal_handler(number, lambda: None)
        loop.add_signal_handler(signal.SIGTERM, self._owner.ending.set)
        carrying = asyncio.create_task(self._channel.run(), name="channel")
        ending = asyncio.create_task(self._owner.ending.wait(), name="ending")
        try:
            await asyncio.wait({carrying, ending}, return_when=asyncio.FIRST_COMPLETED)
            if carrying.done():
                log.warning("the parent has ended, finishing calls")
                _exit_after(self._shutdown_time + _LONGEST_END_S)
            await self._end()
        finally:
            for task in (carrying, ending):
                task.cancel()
            await asyncio.gather(carrying, ending, return_exceptions=True)
        if (failure := self._owner.failure) is not None:
            log.error("worker cannot go on", reason=str(failure) or type(failure).__name__)
        return 0 if failure is None else 1

    @property
    def _shutdown_time(self) -> float:
        return 0.0 if self._in_force is None else self._in_force.shutdown_time

    async def _end(self) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.wait({self._preparing})
        self._balance.end()
        if self._gateway is not None:
            try:
                await self._gateway.stop()
            except Exception as error:  # noqa: BLE001 - a border: whatever happens, the process ends
                log.fault("worker not stopped cleanly", error)
        self._passed.drop()
        await self._owner.cancel_all()

    # ------------------------------------------------------------------ requests

    async def _prepare(self, argument: Any, sockets: list[socket.socket]) -> None:
        self._passed.put(sockets)
        self._preparing = task = asyncio.current_task()
        try:
            await self._prepare_config(WorkerConfig.of_json(argument))
        except ConfigError as error:
            raise GechologError(error.summary) from error
        finally:
            if self._preparing is task:  # otherwise the socket is that of a later request
                self._passed.drop()
                self._preparing = None

    async def _prepare_config(self, config: WorkerConfig) -> None:
        made = await asyncio.to_thread(_built, config)
        if self._is_serving and self._gateway is not None:
            self._prepared = await self._gateway.prepare(made)
        else:
            self._gateway = Gateway(made, self._role(config))
            await self._gateway.open(self._owner)
        self._next = made

    def _role(self, config: WorkerConfig) -> Role:
        tell = self._channel.tell
        return Role(
            self._alias,
            health.home(),
            ReportedRecords(tell),
            ReportedBreakers(tell),
            self._index,
            config.share.count,
            self._passed.take,
            self._balance,
        )

    async def _commit(self, _: Any, __: list[socket.socket]) -> None:
        gateway, prepared, self._prepared = self._required(), self._prepared, None
        if self._next is not None:
            self._in_force = self._next
            logs.set_level(self._next.log_level)
        if prepared is not None:
            gateway.commit(prepared)
        elif not self._is_serving:
            self._balance.begin()
            gateway.serve()
            self._is_serving = True
            settle_the_collector()

    async def _cancel(self, _: Any, __: list[socket.socket]) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.wait({self._preparing})
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            await self._required().cancel(prepared)

    async def _stop(self, _: Any, __: list[socket.socket]) -> None:
        self._owner.ending.set()

    async def _ping(self, _: Any, __: list[socket.socket]) -> None:
        """Answer: the event loop is not blocked."""

    async def _ask(self, name: Any, _: list[socket.socket]) -> Any:
        answer = self._required().answers.get(name)
        if answer is None:
            raise GechologError(f"a worker cannot tell its {name}")
        return answer()

    async def _adopt(self, _: Any, __: list[socket.socket]) -> None:
        if self._gateway is not None:
            self._gateway.adopt_orphans()

    def _required(self) -> Gateway:
        if self._gateway is None:
            raise GechologError("not started")
        return self._gateway


def _built(config: WorkerConfig) -> Config:
    """Check and build a config as the parent has done it. Raises ConfigError."""
    source = config.source
    parsed = check(source.data, source.name, config_spec(), folder=source.folder)
    return config.share.of_config(build(parsed))


def _exit_after(seconds: float) -> None:
    """End the process after a time, even if its event loop is blocked: it holds the port."""

    def end() -> None:
        time.sleep(seconds)
        os._exit(1)

    threading.Thread(target=end, name="end", daemon=True).start()
