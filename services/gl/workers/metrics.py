"""The metrics of all workers as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog.metrics import process
from gecholog.metrics.snapshot import Snapshot, merge, of_json, without_gauges

if TYPE_CHECKING:
    from collections.abc import Mapping


class WorkerMetrics:
    """Merges what workers tell. A counter never falls: those of a worker that has ended, or is late, are kept."""

    def __init__(self) -> None:
        self._ended = Snapshot()
        self._last: dict[int, Snapshot] = {}

    def combined(self, answers: Mapping[int, Any]) -> Snapshot:
        """The metrics of the gateway. `answers` are those of workers by their numbers, as JSON."""
        present = {number: of_json(answer) for number, answer in answers.items()}
        for number, snapshot in present.items():
            before = self._last.get(number)
            if before is not None and _identity(before) != _identity(snapshot):
                self._ended = merge([self._ended, without_gauges(before)])
        late = [without_gauges(last) for number, last in self._last.items() if number not in present]
        self._last |= present
        return merge([self._ended, *late, *present.values(), process.snapshot()])


def _identity(snapshot: Snapshot) -> object:
    """What tells a worker from its successor."""
    return snapshot.value(process.START.name)
