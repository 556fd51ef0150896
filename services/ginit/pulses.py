"""The signs of life of the services: taken in once a second, and what follows is told to ginit.

A service of ours gives a new time to a file once a second, from its event loop (`gecholog.health.Claim`). nats-server
says something to everybody who connects. Of other programs nothing is known, and they are left alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog.health import last_beat
from services.ginit import process
from services.ginit.decision.events import HeartbeatMissed, HeartbeatSeen
from services.ginit.decision.pulse import EVERY, WORTH_TELLING, Pulse, Sight
from services.ginit.decision.state import SERVING

if TYPE_CHECKING:
    from pathlib import Path

    from services.ginit.config import Definition
    from services.ginit.decision.events import Event
    from services.ginit.decision.state import Appliance, Service

_ANSWERS_WITHIN = 5.0  # seconds; a server that takes longer is asked again

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the signs come from: what ginit knows now, the process of a service, the address of a nats-server.

    `said` is the address that a nats-server said itself, `assumed` one that its config seems to name.
    """

    home: Path
    state: Callable[[], Appliance]
    pid: Callable[[str], int]
    said: Callable[[str], Address | None]
    assumed: Callable[[Definition], Address | None]


class Pulses:
    """Looks at the services that serve."""

    def __init__(self, sources: Sources, tell: Callable[[Event], None]) -> None:
        self._sources = sources
        self._tell = tell
        self._known: dict[tuple[str, int], Pulse] = {}  # by name and process
        self._answers: dict[str, int] = {}  # of servers, since ginit began
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            while True:
                self.look(time.monotonic())
                await asyncio.sleep(EVERY)
        finally:
            for task in self._asking.values():
                task.cancel()

    def look(self, now: float) -> None:
        """Look once; `now` is a steady clock's time in seconds."""
        known = dict(self._looked(now))
        for (name, _), pulse in known.items():
            if pulse.silence >= WORTH_TELLING:
                self._tell(HeartbeatMissed(name, pulse.silence))
            elif (service := self._sources.state().get(name)) and service.silent:
                self._tell(HeartbeatSeen(name))
        self._known = known

    def _looked(self, now: float) -> Iterator[tuple[tuple[str, int], Pulse]]:
        for service in self._sources.state().services:
            pid = self._sources.pid(service.name)
            if service.phase in SERVING and pid:
                sign = self._sign(service)
                sight = Sight(now, sign, process.computed(pid), process.is_held_up(pid))
                before = self._known.get((service.name, pid))
                yield (service.name, pid), before.after(sight) if before else Pulse(sight)

    def _sign(self, service: Service) -> Hashable | None:
        definition = service.definition
        if not definition.is_nats_server:
            return last_beat(definition.alias, self._sources.home)
        if service.name not in self._asking or self._asking[service.name].done():
            self._asking[service.name] = asyncio.create_task(self._ask(definition), name=f"ask {service.name}")
        # one that never answered at an assumed address may listen elsewhere
        return self._answers.get(service.name, 0 if self._sources.said(service.name) else None)

    async def _ask(self, definition: Definition) -> None:
        """Count one answer of a server, if there is one."""
        address = self._sources.said(definition.name) or self._sources.assumed(definition)
        if address is not None and await answers(*address):
            self._answers[definition.name] = self._answers.get(definition.name, 0) + 1


async def answers(host: str, port: int, within: float = _ANSWERS_WITHIN) -> bool:
    """Tell whether a server says something, or ends the connection by itself: both take a process that runs."""
    writer = None
    try:
        async with asyncio.timeout(within):
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
