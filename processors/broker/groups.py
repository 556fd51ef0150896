"""A group: an ingress router, the targets among which its calls are spread, and what happens when all are out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gecholog.rawjson import Raw
from processors.broker.strategies import Strategy, Target


class WhenAllOut(StrEnum):
    """What becomes of a call when no target of its group is in."""

    REFUSE = "refuse"
    LEAST_BAD = "least_bad"
    PASS = "pass"  # noqa: S105 - a word of the config, no password


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a call that cannot be made."""

    status_code: int
    body: Raw


@dataclass(frozen=True, slots=True)
class Group:
    """Calls that come in by `router` go to one of `targets`; with `failover` gl is told the others too."""

    router: str
    targets: tuple[Target, ...]
    strategy: Strategy
    failover: bool
    when_all_out: WhenAllOut
    refusal: Refusal

    @property
    def paths(self) -> list[str]:
        return [target.path for target in self.targets]
