"""Metrics of the other services: sinks and processors tell them on the bus, and gl shows them beside its own.

They answer on `$SRV.STATS`, the statistics of the NATS services protocol (ADR-32), as processors in any language may.
So they need no port of their own, the bus checks who they are, and one address has the metrics of the whole appliance,
wherever its parts run. Every gateway on a bus shows the same services: use `max by (sink)`.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

from gecholog import rawjson
from gecholog.errors import BusError, NotJson
from gecholog.metrics.snapshot import Snapshot
from services.gl.metrics import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gecholog.bus import Bus, BusMessage
    from gecholog.metrics.family import Family

_SUBJECT = "$SRV.STATS"
_EVERY_S = 10.0
_ANSWER_WITHIN_S = 1.0
_MOST = 200  # services, and processes of one
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LARGEST = 64 * 1024  # bytes of an answer


@dataclass(frozen=True, slots=True)
class ServiceStats:
    """What one process of a service tells: counters since its start, and its state, by metric."""

    service: str
    process: str
    counters: Mapping[Family, int]
    gauges: Mapping[Family, float]


def stats_of(data: bytes) -> ServiceStats | None:
    """The statistics in an answer; None if it is not one, or has a name that cannot be a label."""
    try:
        answer = rawjson.loads(data) if len(data) <= _LARGEST else None
    except NotJson:
        return None
    if not isinstance(answer, dict) or not isinstance(answer.get("endpoints"), list):
        return None
    service, process = answer.get("name"), answer.get("id")
    if not (_is_name(service) and _is_name(process)):
        return None
    endpoints = [one for one in answer["endpoints"] if isinstance(one, dict)]
    return ServiceStats(service, process, *_values(endpoints))


def _is_name(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _values(endpoints: Sequence[Mapping[str, Any]]) -> tuple[Mapping[Family, int], Mapping[Family, float]]:
    """The counters and the state that a process tells. A sink that is switched off has none."""
    sink = next((one["data"] for one in endpoints if isinstance(one.get("data"), dict) and "mode" in one["data"]), None)
    if sink is None:
        handled = names.SERVICE_COUNTERS.items()
        return {family: sum(_count(one.get(name)) for one in endpoints) for name, family in handled}, {}
    if sink["mode"] == "off":
        return {}, {}
    return {family: _count(sink.get(name)) for name, family in names.SINK_COUNTERS.items()}, dict(_gauges(sink))


def _gauges(sink: Mapping[str, Any]) -> Iterator[tuple[Family, float]]:
    yield names.SINK_OUTAGE, float(bool(sink.get("outage")))
    for name, family in names.SINK_GAUGES.items():
        value = sink.get(name)
        if isinstance(value, int | float):
            yield family, value / 100 if family is names.SINK_LIMIT else value


def _count(value: Any) -> int:
    return max(0, value) if isinstance(value, int) else 0


@dataclass(slots=True)
class _Known:
    """A service: what all its processes have counted, and the last answers of those that run."""

    totals: dict[Family, int] = field(default_factory=dict)
    processes: dict[str, ServiceStats] = field(default_factory=dict)


class ServiceTotals:
    """Adds up what services tell. A process that has ended takes nothing away from counters. Pure."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def update(self, answers: list[ServiceStats]) -> None:
        """Take the answers to one question. A service that does not answer is known, and not up."""
        present: dict[str, dict[str, ServiceStats]] = {}
        for one in answers:
            if one.service in self._known or len(self._known) < _MOST:
                known = self._known.setdefault(one.service, _Known())
                if len(present.setdefault(one.service, {})) < _MOST:
                    present[one.service][one.process] = one
                    before = known.processes.get(one.process)
                    for family, count in one.counters.items():
                        counted = 0 if before is None else before.counters.get(family, 0)
                        known.totals[family] = known.totals.get(family, 0) + max(0, count - counted)
        for service, known in self._known.items():
            known.processes = present.get(service, {})

    def snapshot(self) -> Snapshot:
        """The metrics of all services that have ever answered."""
        found: dict[Family, dict[tuple[str, ...], float]] = {names.SERVICE_UP: {}}
        for service, known in self._known.items():
            found[names.SERVICE_UP][service,] = len(known.processes)
            for family, total in known.totals.items():
                found.setdefault(family, {})[service,] = total
            for one in known.processes.values():
                for family, value in one.gauges.items():
                    series = found.setdefault(family, {})
                    series[service,] = max(value, series.get((service,), 0))
        return Snapshot(found)


class BusServices:
    """Asks the services on a bus every ten seconds, until it is cancelled."""

    def __init__(self, bus: Callable[[], Bus | None]) -> None:
        self._bus = bus
        self._totals = ServiceTotals()

    def snapshot(self) -> Snapshot:
        """What the services told last."""
        return self._totals.snapshot()

    async def run(self) -> None:
        """Ask again and again. Without a bus, what was told last stays."""
        while True:
            bus = self._bus()
            if bus is not None and bus.connected:
                with contextlib.suppress(BusError):  # the connection is lost, which other metrics tell
                    self._totals.update(await _ask(bus))
            await asyncio.sleep(_EVERY_S)


async def _ask(bus: Bus) -> list[ServiceStats]:
    """The answers of all services. Nobody knows how many there will be, so this takes as long as they may. BusError."""
    answers: list[ServiceStats] = []

    async def on_reply(message: BusMessage) -> None:
        if (found := stats_of(message.data)) is not None:
            answers.append(found)

    inbox = bus.new_inbox()
    await bus.subscribe(inbox, on_reply)
    try:
        await bus.publish(_SUBJECT, b"", reply=inbox)
        await asyncio.sleep(_ANSWER_WITHIN_S)
    finally:
        await bus.unsubscribe(inbox)
    return answers
