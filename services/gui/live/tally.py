"""Calls per minute and model since the interface started, for the overview. Pure, and small."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.gui.live.record import CallSummary

_MINUTE_S = 60
_KEPT_MINUTES = 24 * 60
_MOST_MODELS = 20  # of a minute; the clients choose the names
_MOST_DURATIONS = 500  # of a minute
OTHER = "other"


@dataclass(slots=True)
class Totals:
    """What happened in a span of time. `durations` are in milliseconds, a sample if there were many."""

    calls: int = 0
    errors: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    by_model: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    durations: list[float] = field(default_factory=list)

    def add(self, call: CallSummary) -> None:
        self.calls += 1
        self.errors += call.is_error
        self.tokens += call.total_tokens or 0
        self.cost_usd += call.cost_usd or 0.0
        model = call.model or "no model"
        self.by_model[model if model in self.by_model or len(self.by_model) < _MOST_MODELS else OTHER] += 1
        if len(self.durations) < _MOST_DURATIONS:
            self.durations.append(call.duration_ms)

    def join(self, other: Totals) -> None:
        self.calls += other.calls
        self.errors += other.errors
        self.tokens += other.tokens
        self.cost_usd += other.cost_usd
        self.durations += other.durations
        for model, calls in other.by_model.items():
            self.by_model[model] += calls

    def percentile(self, share: float) -> float | None:
        """The duration that this share of the calls did not exceed (nearest rank); None without calls."""
        ordered = sorted(self.durations)
        return ordered[max(0, -int(-len(ordered) * share // 1) - 1)] if ordered else None

    @property
    def error_share(self) -> float | None:
        return self.errors / self.calls if self.calls else None


class Tally:
    """Totals of each minute of the last day."""

    def __init__(self) -> None:
        self._minutes: OrderedDict[int, Totals] = OrderedDict()

    def add(self, call: CallSummary) -> None:
        minute = int((call.started + call.duration_ms / 1000) // _MINUTE_S)
        self._minutes.setdefault(minute, Totals()).add(call)
        while len(self._minutes) > _KEPT_MINUTES:
            self._minutes.pop(min(self._minutes))

    def between(self, start: float, end: float) -> Totals:
        """The totals of the minutes from `start` up to `end`, Unix times."""
        totals = Totals()
        for minute, one in self._minutes.items():
            if start <= minute * _MINUTE_S < end:
                totals.join(one)
        return totals

    def series(self, start: float, end: float, models: Iterable[str]) -> tuple[list[int], dict[str, list[int]]]:
        """The minutes of a span as Unix times, and for each model the calls in each of them; `other` has the rest."""
        minutes = range(int(start // _MINUTE_S), int(end // _MINUTE_S) + 1)
        shown = list(models)
        calls: dict[str, list[int]] = {model: [0] * len(minutes) for model in shown}
        rest = [0] * len(minutes)
        for place, minute in enumerate(minutes):
            for model, number in (self._minutes[minute].by_model if minute in self._minutes else {}).items():
                calls.get(model, rest)[place] += number
        return [minute * _MINUTE_S for minute in minutes], calls | ({OTHER: rest} if any(rest) else {})
