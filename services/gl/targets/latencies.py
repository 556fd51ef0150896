"""The latencies of targets: how long they take to respond, as moving averages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from services.gl.targets.bounded_map import BoundedMap

if TYPE_CHECKING:
    from collections.abc import Callable

_WEIGHT = 0.3  # of the latest call in the average
_FORGOTTEN_AFTER_S = 60.0  # a latency that is older is measured again


class Latencies:
    """The average latency of each target. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: BoundedMap[tuple[float, float]] = BoundedMap()  # the average, and when it was measured

    def get(self, key: str) -> float | None:
        """Seconds that a target takes to respond; None if that is not known, or was measured long ago."""
        found = self._known.get(key)
        return found[0] if found is not None and self._clock() - found[1] < _FORGOTTEN_AFTER_S else None

    def measured(self, key: str, seconds: float) -> None:
        """Add a measurement."""
        found, now = self._known.get(key), self._clock()
        if found is not None and now - found[1] < _FORGOTTEN_AFTER_S:
            seconds = found[0] + _WEIGHT * (seconds - found[0])
        self._known[key] = seconds, now
