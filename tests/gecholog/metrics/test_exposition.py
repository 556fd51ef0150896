"""Metrics as text for Prometheus, read back by the parser of prometheus_client and checked by promtool."""

import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gecholog.metrics.exposition import CONTENT_TYPE, text_of
from gecholog.metrics.family import Family, Kind
from gecholog.metrics.snapshot import Distribution, Snapshot

SNAPSHOT = Snapshot(
    {
        Family("calls_total", Kind.COUNTER, "Calls, by \\ and\nlines", ("router",)): {('/a"b\\c\n/',): 3},
        Family("cost_usd_total", Kind.COUNTER, "Cost", scale=10**18): {(): 20753250000000000},
        Family("oldest_seconds", Kind.GAUGE, "Oldest"): {(): 1.5},
        Family("time_seconds", Kind.HISTOGRAM, "Time", ("router",), scale=10**9, bounds=(0.005, 1.0)): {
            ("/a/",): Distribution((2, 1, 1), 3_500_000_000)
        },
    }
)


def samples(text: bytes):
    """Values by name and labels, the labels in the order of their names."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for one in family.samples:
            labels = (value for _, value in sorted(one.labels.items()))
            found[(one.name, *labels)] = one.value
    return found


def test_read_back():
    """Names and labels are as they are in the families; buckets are cumulative; scales are taken off."""
    assert samples(text_of(SNAPSHOT)) == {
        ("calls_total", '/a"b\\c\n/'): 3,
        ("cost_usd_total",): 0.02075325,
        ("oldest_seconds",): 1.5,
        ("time_seconds_bucket", "0.005", "/a/"): 2,
        ("time_seconds_bucket", "1.0", "/a/"): 3,
        ("time_seconds_bucket", "+Inf", "/a/"): 4,
        ("time_seconds_count", "/a/"): 4,
        ("time_seconds_sum", "/a/"): 3.5,
    }
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool():
    """Prometheus has nothing to say against it."""
    subprocess.run(["promtool", "check", "metrics"], input=text_of(SNAPSHOT), check=True, capture_output=True)
