"""Metrics that are read from the state of the gateway when it is asked for them."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gecholog import __version__
from gecholog.metrics.snapshot import Series, Snapshot
from services.gl.metrics import names
from services.gl.quota.subjects import of_key, of_owner
from services.gl.resilience.breaker import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gecholog.bus import Bus
    from gecholog.metrics.family import Family
    from gecholog.quota.subject import Subject
    from services.gl.config import Config
    from services.gl.keyring import Keyring
    from services.gl.quota.enforcer import QuotaEnforcer
    from services.gl.record.delivery.recorder import Recorder
    from services.gl.targets.breakers import BreakerState
    from services.gl.targets.health import TargetHealth

_STATES = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}
_PERSONAL_MOST = 1000  # keys and owners whose budgets are shown


class Parts(Protocol):
    """The parts of the gateway that have a state to show."""

    @property
    def bus(self) -> Bus: ...
    @property
    def records(self) -> Recorder: ...
    @property
    def targets(self) -> TargetHealth: ...
    @property
    def quotas(self) -> QuotaEnforcer: ...
    @property
    def keyring(self) -> Keyring: ...


@dataclass(frozen=True, slots=True)
class Counts:
    """What the gateway knows of itself: calls in progress, and how many configs were put in force."""

    in_flight: int
    generation: int


TargetLabel = Callable[["Config", str], str]
"""The label of a target by its key: clients choose names of models, so not every key is a label."""


def snapshot_of_state(config: Config, parts: Parts, counts: Counts, label: TargetLabel) -> Snapshot:
    """The state at this moment."""
    delivery = parts.records.figures()
    one: dict[Family, Series] = {
        names.IN_FLIGHT: {(): counts.in_flight},
        names.GENERATION: {(): counts.generation},
        names.RECORDS_PENDING: {(): delivery.pending},
        names.RECORDS_LOST: {(): delivery.lost},
        names.JOURNAL: {(): delivery.journal_bytes},
        names.JOURNAL_LIMIT: {(): delivery.journal_limit},
        names.BUS_CONNECTED: {(): int(parts.bus.connected)},
        names.BREAKER: _breakers(config, parts.targets.breakers.states(), label),
        names.BUDGET: dict(_budgets(_subjects(config, parts), parts.quotas)),
        names.BUILD: {(__version__, platform.python_version()): 1},
        names.WORKERS: {(): 1},
    }
    return Snapshot(one)


def _breakers(config: Config, states: Iterable[BreakerState], label: TargetLabel) -> Series:
    """The circuit breakers by their labels. Targets that share a label show the worst of them."""
    found: dict[tuple[str, ...], int] = {}
    for state in states:
        key = (label(config, state.target),)
        found[key] = max(found.get(key, 0), _STATES[state.state])
    return found


def _subjects(config: Config, parts: Parts) -> Iterator[Subject]:
    """The gateway and the routers; keys and their owners if the config shows clients."""
    yield from dict.fromkeys(subject for found in config.subjects.values() for subject in found)
    if not config.metrics.client_names:
        return
    snapshot = parts.keyring.snapshot
    for owner in list(snapshot.owners.values())[:_PERSONAL_MOST]:
        yield from of_owner(owner.name, owner.limits)
    for key in list(snapshot.keys.values())[:_PERSONAL_MOST]:
        yield from of_key(key.id, key.limits)


def _budgets(subjects: Iterable[Subject], quotas: QuotaEnforcer) -> Iterator[tuple[tuple[str], float]]:
    now = quotas.clock()
    for subject in subjects:
        budget = subject.limits.budget
        if budget is not None and budget.amount:
            spent = quotas.table.meter(subject.name, budget.window).used(now).get(budget.unit, 0)
            yield (subject.name,), spent / budget.amount
