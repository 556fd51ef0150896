"""Counts the calls of each model, for the strategy round robin."""

from __future__ import annotations

from services.gl.targets.bounded_map import BoundedMap


class CallCounts:
    """The number of calls of each model."""

    def __init__(self) -> None:
        self._numbers: BoundedMap[int] = BoundedMap()

    def next(self, model: str) -> int:
        """Count a call of a model. Returns how many there were before it."""
        number = self._numbers.get(model) or 0
        self._numbers[model] = number + 1
        return number
