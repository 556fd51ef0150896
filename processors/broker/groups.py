"""A group: a router, the targets that its calls are balanced across, and what happens if none is available."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gecholog.rawjson import Raw
from processors.broker.strategies import Strategy, Target


class WhenAllOpen(StrEnum):
    """What happens to a call if the circuit breakers of all targets are open, with its value in the config."""

    REFUSE = "refuse"
    PANIC = "least_bad"
    PASS = "pass"  # noqa: S105 - a value of the config, not a password


@dataclass(frozen=True, slots=True)
class UnavailableResponse:
    """The response to a call for which no target is available."""

    status_code: int
    body: Raw


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that arrive at `router` go to one of `targets`. With `failover`, gl gets the others as fallbacks."""

    router: str
    targets: tuple[Target, ...]
    strategy: Strategy
    failover: bool
    when_all_open: WhenAllOpen
    unavailable: UnavailableResponse

    @property
    def paths(self) -> list[str]:
        return [target.path for target in self.targets]
