"""Runs a service: start, serve, reload on SIGHUP, stop on SIGINT and SIGTERM, exit code.

A service is an object with three methods (`Service`). It is healthy from the end of `start` to the call of `stop`, and
only then does its checksum file exist.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import uvloop

from gecholog import logs
from gecholog.errors import BusAway, ConfigError, GechologError
from gecholog.health import HEARTBEAT_INTERVAL_S, ChecksumLock
from gecholog.logs import Log
from gecholog.task_owner import CANCEL_TIMEOUT_S, TaskOwner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gecholog.bus import Bus
    from gecholog.config import ParsedConfig
    from gecholog.health import ChecksumFile

C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)

log = Log("service")

CONFIG_REFUSED = "config not taken"
"""The log message of a service that keeps the config that it has. ginit takes it for the answer to a reload."""
_NEW_BUS_WITHIN = 5.0  # seconds for a new bus on a reload; the one in use is not left for one that is not reached
_LOCK_RETRY_S = 1.0  # seconds


@dataclass(frozen=True)
class Reading(Generic[C]):
    """A config file read again: what the service made of it, and its parsed form."""

    config: C
    parsed: ParsedConfig


class Service(Protocol[C_contra]):
    """The three methods of a service. They all run in the same event loop."""

    async def start(self, owner: TaskOwner) -> None:
        """Start, and return when the service is ready. Raise GechologError or OSError to give up."""

    async def reload(self, config: C_contra) -> None:
        """Put a new config in force as a whole, or raise GechologError or OSError and keep the old one."""

    async def stop(self) -> None:
        """Accept no new work, finish the work in progress, and release all resources."""


async def connect_bus(owner: TaskOwner, bus: Bus, within: float | None = None, *, is_required: bool = True) -> None:
    """Connect to the bus, within `within` seconds or for as long as it takes; `owner` then owns the connection.

    A bus that is not required and not reached in time is connected to in the background. Raises BusRefused, BusAway,
    after it has cleaned up; the service may go on.
    """
    running = asyncio.create_task(bus.run(), name="bus")
    try:
        with contextlib.suppress(*() if is_required else (BusAway,)):
            await _reached(bus, running, within)
        if running.done():
            running.result()
    except BaseException:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await bus.close()
        raise
    owner.adopt(running)


@contextlib.asynccontextmanager
async def replacing_bus(owner: TaskOwner, bus: Bus | None) -> AsyncIterator[None]:
    """Connect to a new bus on a reload, before the service leaves the one that it uses.

    The block does everything else that may fail. If it raises, or the new bus is not reached within 5 seconds, the new
    bus is closed and the one in use stays. After the block the service switches over and closes the old one. With None
    the bus does not change. Raises BusRefused, BusAway, and what the block raises.
    """
    if bus is None:
        yield
        return
    await connect_bus(owner, bus, _NEW_BUS_WITHIN)
    try:
        yield
    except BaseException:
        await bus.close()
        raise


async def _reached(bus: Bus, running: asyncio.Task[None], within: float | None) -> None:
    opened = asyncio.create_task(bus.opened(), name="bus opened")
    try:
        await asyncio.wait({running, opened}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        if running.done() or not opened.done():
            raise BusAway(f"the bus at {bus.address.hostname} is not reached")
    finally:
        opened.cancel()


def run(
    service: Service[C],
    reread: Callable[[ParsedConfig], Reading[C]],
    parsed: ParsedConfig,
    checksum_file: ChecksumFile,
    ready: str,
) -> int:
    """Run a service until it is told to stop; returns the exit code.

    `reread` takes the parsed config in force and gives the config that the file holds now, or raises ConfigError;
    `parsed` is the config that `service` was made with; `ready` is the log message that says it is healthy.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(_RunningService(service, reread, parsed, checksum_file, ready).live())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a signal that arrives now must not change the exit code
    return code


class _RunningService:
    def __init__(
        self,
        service: Service[C],
        reread: Callable[[ParsedConfig], Reading[C]],
        parsed: ParsedConfig,
        checksum_file: ChecksumFile,
        ready: str,
    ) -> None:
        self._service = service
        self._reread = reread
        self._parsed = parsed
        self._stamps = _stamps(parsed.files)
        self._checksum_file = checksum_file
        self._lock = ChecksumLock(checksum_file)
        self._serving = False
        self._complained = False  # that the checksum file cannot be written
        self._ready = ready
        self._owner = TaskOwner()
        self._owner.on_health_change(self._settle_checksum)
        self._reload_wanted = asyncio.Event()
        self._reloading: asyncio.Task[None] | None = None

    async def live(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._owner.ending.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)
        if not self._lock.acquire():
            log.warning("another process has this name and home, its checksum file is left alone", file=self._shown)
            self._owner.spawn(self._serve_when_free(), "checksum lock")
        self._remove_checksum()
        self._owner.spawn(self._send_heartbeats(), "heartbeat")
        code = 0
        try:
            code = await self._serve()
        finally:
            await self._end_reloading()
            self._remove_checksum()
            self._lock.release()
            await self._stop()
        return code

    async def _serve(self) -> int:
        starting = asyncio.create_task(self._service.start(self._owner), name="start")
        ending = asyncio.create_task(self._owner.ending.wait(), name="ending")
        try:
            await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and not (starting.cancelled() or starting.exception()):
                self._healthy()
                self._reloading = self._owner.spawn(self._reload_when_asked(), "reload")
                await ending
            return self._verdict(starting)
        finally:
            for task in (starting, ending):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    def _verdict(self, starting: asyncio.Task[None]) -> int:
        """Log why the service ends, and return the exit code."""
        failure = self._owner.failure
        if starting.done() and not starting.cancelled():
            failure = failure or starting.exception()
        if failure is None:
            log.info("stopping")
            return 0
        if isinstance(failure, GechologError | OSError):
            log.error("cannot go on", reason=str(failure))
        else:
            log.fault("cannot go on", failure)
        return 1

    def _healthy(self) -> None:
        self._serving = True
        self._write_checksum()
        log.info(self._ready, sha256=self._parsed.sha256)
        settle_the_collector()

    async def _serve_when_free(self) -> None:
        """Wait until the other process has ended, and write the checksum file then."""
        while not self._lock.acquire():  # noqa: ASYNC110 - nobody tells us when another process ends
            await asyncio.sleep(_LOCK_RETRY_S)
        if self._serving:
            self._write_checksum()

    async def _send_heartbeats(self) -> None:
        """Send heartbeats, which a blocked event loop cannot; and restore the files if they are removed.

        Also reload the config if a file is written whose content is a value of it (`${file:PATH}`).
        """
        while True:
            with contextlib.suppress(OSError):
                self._lock.beat()
            if self._serving and self._owner.healthy and self._checksum_file.read() != self._parsed.sha256:
                self._write_checksum()
            if self._serving and (stamps := _stamps(self._parsed.files)) != self._stamps:
                self._stamps = stamps
                self._reload_wanted.set()
            await asyncio.sleep(HEARTBEAT_INTERVAL_S)

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            await self._reload()

    async def _reload(self) -> None:
        try:
            reading = await asyncio.to_thread(self._reread, self._parsed)
            await self._service.reload(reading.config)
        except ConfigError as error:
            for problem in error.problems:
                log.error(CONFIG_REFUSED, file=error.source, **problem.fields)
            self._owner.set_refusal(error.summary)
        except (GechologError, OSError) as error:
            log.error(CONFIG_REFUSED, reason=str(error))
            self._owner.set_refusal(str(error))
        except Exception as error:  # noqa: BLE001 - a border: a failed reload must not end a service that works
            log.fault(CONFIG_REFUSED, error)
            self._owner.set_refusal("an unexpected error, the log has its traceback")
        else:
            self._owner.set_refusal("")
            if reading.parsed.files != self._parsed.files:
                self._stamps = _stamps(reading.parsed.files)
            self._parsed = reading.parsed
            logs.set_level(self._parsed.values["log_level"])
            self._write_checksum()
            log.info("config in force", sha256=self._parsed.sha256)

    async def _end_reloading(self) -> None:
        """Cancel a reload in progress, which might write the checksum file of a service that has stopped."""
        if self._reloading is not None:
            self._reloading.cancel()
            await asyncio.wait({self._reloading}, timeout=CANCEL_TIMEOUT_S)

    @property
    def _shown(self) -> str:
        return str(self._checksum_file.path)

    def _settle_checksum(self) -> None:
        """Write or remove the checksum file, according to the health of the service."""
        if self._serving and self._owner.healthy:
            self._write_checksum()
        elif self._serving:
            self._erase_checksum()

    def _write_checksum(self) -> None:
        if not (self._owner.healthy and self._lock.acquire()):
            return
        try:
            off = {"off": True} if self._owner.off else {}
            self._checksum_file.write(self._parsed.sha256, self._parsed.report | off)
        except OSError as error:
            if not self._complained:
                log.error("checksum file not written", file=self._shown, reason=error.strerror)
            self._complained = True
        else:
            self._complained = False

    def _remove_checksum(self) -> None:
        self._serving = False
        self._erase_checksum()

    def _erase_checksum(self) -> None:
        if not self._lock.acquire():
            return
        try:
            self._checksum_file.remove()
        except OSError as error:
            log.error("checksum file not removed", file=self._shown, reason=error.strerror)

    async def _stop(self) -> None:
        try:
            await self._service.stop()
        except Exception as error:  # noqa: BLE001 - a border: whatever happens, the process ends
            log.fault("not stopped cleanly", error)
        await self._owner.cancel_all()
        log.info("stopped")


def _stamps(files: tuple[str, ...]) -> tuple[tuple[int, int] | None, ...]:
    """Values that change when the files are written or replaced."""
    found: list[tuple[int, int] | None] = []
    for file in files:
        try:
            status = Path(file).stat()
        except (OSError, ValueError):
            found.append(None)
        else:
            found.append((status.st_ino, status.st_mtime_ns))
    return tuple(found)


def settle_the_collector() -> None:
    """Exempt the present objects from garbage collection, and collect young objects less often.

    A full collection would otherwise stop the process for some 20 ms, to examine modules that never go away.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
