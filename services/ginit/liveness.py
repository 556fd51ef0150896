"""Samples the services once a second, and reports missed heartbeats, and starts that the machine delays, as events.

A service of ours updates the time of a file once a second, from its event loop (`gecholog.health.ChecksumLock`).
nats-server greets each client. Other programs send no heartbeats, and are not monitored.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog.health import last_heartbeat
from services.ginit import process
from services.ginit.decision.events import HeartbeatMissed, HeartbeatSeen, StartDelayed
from services.ginit.decision.liveness import REPORTED_AFTER_S, SAMPLE_INTERVAL_S, Liveness, Sample, delayed_s
from services.ginit.decision.state import SERVING, Phase

if TYPE_CHECKING:
    from pathlib import Path

    from services.ginit.config import Definition
    from services.ginit.decision.events import Event
    from services.ginit.decision.state import Appliance, ServiceState
    from services.ginit.service_output import Address

_PROBE_TIMEOUT_S = 5.0  # a server that takes longer is probed again


@dataclass(frozen=True, slots=True)
class LivenessSources:
    """Where the samples come from: the state of the appliance, the process of a service, the address of a nats-server.

    `logged_address` is the address that a nats-server has logged, `configured_address` the one in its config.
    """

    home: Path
    state: Callable[[], Appliance]
    pid: Callable[[str], int]
    logged_address: Callable[[str], Address | None]
    configured_address: Callable[[Definition], Address | None]


class LivenessMonitor:
    """Samples the services that serve."""

    def __init__(self, sources: LivenessSources, report: Callable[[Event], None]) -> None:
        self._sources = sources
        self._report = report
        self._known: dict[tuple[str, int], Liveness] = {}  # by name and process
        self._starting: dict[tuple[str, int], Sample] = {}  # likewise
        self._responses: dict[str, int] = {}  # of servers, since ginit began
        self._probes: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Sample until cancelled."""
        try:
            while True:
                self.sample(time.monotonic())
                await asyncio.sleep(SAMPLE_INTERVAL_S)
        finally:
            for task in self._probes.values():
                task.cancel()

    def sample(self, now: float) -> None:
        """Sample each service once; `now` is in seconds of a monotonic clock."""
        known = dict(self._sampled(now))
        for (name, _), liveness in known.items():
            if liveness.unresponsive_s >= REPORTED_AFTER_S:
                self._report(HeartbeatMissed(name, liveness.unresponsive_s))
            elif (service := self._sources.state().get(name)) and service.unresponsive_s:
                self._report(HeartbeatSeen(name))
        self._known = known
        self._sample_starting(now)

    def _sampled(self, now: float) -> Iterator[tuple[tuple[str, int], Liveness]]:
        for service in self._sources.state().services:
            pid = self._sources.pid(service.name)
            if service.phase in SERVING and pid:
                heartbeat = self._heartbeat(service)
                sample = Sample(now, heartbeat, process.cpu_seconds(pid), process.waits_for_resources(pid))
                before = self._known.get((service.name, pid))
                yield (service.name, pid), before.after(sample) if before else Liveness(sample)

    def _sample_starting(self, now: float) -> None:
        """Report how long the machine kept each starting service from running since the last sample."""
        starting: dict[tuple[str, int], Sample] = {}
        for service in self._sources.state().services:
            pid = self._sources.pid(service.name)
            if service.phase is Phase.STARTING and pid:
                key = service.name, pid
                sample = Sample(now, None, process.cpu_seconds(pid), process.waits_for_resources(pid))
                starting[key] = sample
                if (before := self._starting.get(key)) and (seconds := delayed_s(before, sample)):
                    self._report(StartDelayed(service.name, seconds))
        self._starting = starting

    def _heartbeat(self, service: ServiceState) -> Hashable | None:
        definition = service.definition
        if not definition.is_nats_server:
            return last_heartbeat(definition.alias, self._sources.home)
        if service.name not in self._probes or self._probes[service.name].done():
            self._probes[service.name] = asyncio.create_task(self._probe(definition), name=f"probe {service.name}")
        # one that never responded at the address in its config may listen elsewhere
        return self._responses.get(service.name, 0 if self._sources.logged_address(service.name) else None)

    async def _probe(self, definition: Definition) -> None:
        """Count one response of a server, if there is one."""
        address = self._sources.logged_address(definition.name) or self._sources.configured_address(definition)
        if address is not None and await responds(*address):
            self._responses[definition.name] = self._responses.get(definition.name, 0) + 1


async def responds(host: str, port: int, timeout_s: float = _PROBE_TIMEOUT_S) -> bool:
    """Tell whether a server sends something or closes the connection. A process that hangs does neither."""
    writer = None
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port)
            with contextlib.suppress(ConnectionResetError):
                await reader.read(1)
    except (OSError, TimeoutError):
        return False
    else:
        return True
    finally:
        if writer is not None:
            writer.transport.abort()
