"""The health of targets, as the stages get it."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.gl.targets.breakers import Breakers
from services.gl.targets.call_counts import CallCounts
from services.gl.targets.latencies import Latencies


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """What this process knows of all targets."""

    breakers: Breakers = field(default_factory=Breakers)
    latencies: Latencies = field(default_factory=Latencies)
    call_counts: CallCounts = field(default_factory=CallCounts)
