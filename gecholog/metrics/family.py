"""A family of metrics: its name, its labels, and how the values of several processes become one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """The type of a metric, as Prometheus calls it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Merge(Enum):
    """How values of one series in several processes become one value."""

    SUM = "sum"
    MAX = "max"
    MIN = "min"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with all its series.

    Processes count in whole numbers of a small unit, so that sums are exact in any order: `scale` is the number of
    these units in the unit that the name tells, such as 1e9 for nanoseconds in a metric in seconds. `bounds` are the
    upper bounds of the buckets of a histogram, in the unit that the name tells, without infinity.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    merge: Merge = Merge.SUM
    scale: int = 1
    bounds: tuple[float, ...] = ()
