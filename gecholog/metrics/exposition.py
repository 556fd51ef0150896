"""A snapshot as Prometheus text (version 0.0.4), written by prometheus_client.

Only the writing is prometheus_client's: it knows the escapes and the order of lines. Its registry and its multi-process
mode are not used. The first costs about 10 µs for the metrics of one call. The second writes each value to a
memory-mapped file per process: it keeps the files of dead workers, adds gauges only by a suffix in file names, and
counts in floats.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from gecholog.metrics.family import Family, Kind
from gecholog.metrics.snapshot import Distribution, Series, Snapshot, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def text_of(snapshot: Snapshot) -> bytes:
    """The text of all metrics. Pure."""
    return generate_latest(_Families(snapshot))


class _Families(Collector):
    """What prometheus_client asks for the metrics of a snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        for family, series in self._snapshot.families.items():
            yield _metric(family, series)


def _metric(family: Family, series: Series) -> Metric:
    if family.kind is Kind.HISTOGRAM:
        return _histogram(family, series)
    make = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = make(family.name, family.help, labels=family.labels)
    for labels, value in series.items():
        metric.add_metric(labels, _scaled(family, value))
    return metric


def _histogram(family: Family, series: Series) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    bounds = [*map(floatToGoString, family.bounds), "+Inf"]
    for labels, value in series.items():
        if isinstance(value, Distribution):
            buckets = list(zip(bounds, map(float, accumulate(value.counts)), strict=True))
            metric.add_metric(labels, buckets, sum_value=value.sum / family.scale)
    return metric


def _scaled(family: Family, value: Value) -> float:
    return 0.0 if isinstance(value, Distribution) else value / family.scale
