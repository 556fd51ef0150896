"""The values of all metrics of a process at one moment. Pure.

Snapshots of several processes merge into one: counters and histograms are added, gauges as their family says. Merging
is exact, associative and commutative, because all values but those of a few gauges are whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gecholog.metrics.family import Family, Kind, Merge


class Distribution(NamedTuple):
    """The value of a histogram: observations in each bucket (the last one has no upper bound), and their sum."""

    counts: tuple[int, ...]
    sum: int

    def plus(self, other: Distribution) -> Distribution:
        """The observations of both."""
        counts = tuple(one + two for one, two in zip(self.counts, other.counts, strict=True))
        return Distribution(counts, self.sum + other.sum)


Number = int | float
Value = Number | Distribution
Series = Mapping[tuple[str, ...], Value]
"""Values by the values of the labels, in the order of the family."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Families with their series."""

    families: Mapping[Family, Series] = field(default_factory=dict)

    def value(self, name: str, *labels: str) -> Value | None:
        """The value of one series, or None."""
        return next((series.get(labels) for family, series in self.families.items() if family.name == name), None)


_NUMBERS: dict[Merge, Callable[[Number, Number], Number]] = {
    Merge.SUM: lambda one, two: one + two,
    Merge.MAX: max,
    Merge.MIN: min,
}


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """One snapshot for several processes. Raises ValueError if they define a metric differently."""
    merged: dict[Family, dict[tuple[str, ...], Value]] = {}
    by_name: dict[str, Family] = {}
    for snapshot in snapshots:
        for family, series in snapshot.families.items():
            if by_name.setdefault(family.name, family) != family:
                raise ValueError(f"processes define the metric {family.name} differently")
            values = merged.setdefault(family, {})
            for labels, value in series.items():
                values[labels] = _merged(family, values[labels], value) if labels in values else value
    return Snapshot(merged)


def _merged(family: Family, one: Value, two: Value) -> Value:
    if isinstance(one, Distribution) and isinstance(two, Distribution):
        return one.plus(two)
    if isinstance(one, Distribution) or isinstance(two, Distribution):
        raise ValueError(f"the metric {family.name} has a value that is not of its type")  # noqa: TRY004 - a value of ours
    return _NUMBERS[family.merge](one, two)


def without_gauges(snapshot: Snapshot) -> Snapshot:
    """The counters and histograms of a snapshot, which stay true when the process has ended."""
    kept = {family: series for family, series in snapshot.families.items() if family.kind is not Kind.GAUGE}
    return Snapshot(kept)


def to_json(snapshot: Snapshot) -> list[dict[str, Any]]:
    """A snapshot as JSON, for another process. Whole numbers may have any size, so orjson cannot write it."""
    return [_family_out(family, series) for family, series in snapshot.families.items()]


def of_json(value: Any) -> Snapshot:
    """The snapshot in JSON of `to_json`. Raises ValueError."""
    try:
        return Snapshot(dict(map(_family_in, value)))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a snapshot of metrics: {type(error).__name__}") from error


def _family_out(family: Family, series: Series) -> dict[str, Any]:
    return {
        "name": family.name,
        "kind": family.kind.value,
        "help": family.help,
        "labels": family.labels,
        "merge": family.merge.value,
        "scale": family.scale,
        "bounds": family.bounds,
        "series": list(series.items()),
    }


def _family_in(said: dict[str, Any]) -> tuple[Family, Series]:
    family = Family(
        said["name"],
        Kind(said["kind"]),
        said["help"],
        tuple(said["labels"]),
        Merge(said["merge"]),
        said["scale"],
        tuple(said["bounds"]),
    )
    return family, {tuple(labels): _value_in(family, value) for labels, value in said["series"]}


def _value_in(family: Family, said: Any) -> Value:
    if family.kind is not Kind.HISTOGRAM:
        return said if isinstance(said, int | float) else _not_a_number(family)
    counts, total = said
    return Distribution(tuple(counts), total)


def _not_a_number(family: Family) -> Number:
    raise ValueError(f"the metric {family.name} has a value that is not a number")
