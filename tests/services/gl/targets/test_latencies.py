"""Latencies of targets."""

import pytest

from services.gl.targets.latencies import Latencies


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_moving_average():
    """The latest measurement counts for three tenths; targets are independent."""
    latencies = Latencies(Clock())
    assert latencies.get("a") is None
    latencies.measured("a", 1.0)
    latencies.measured("b", 7.0)
    latencies.measured("a", 2.0)
    assert latencies.get("a") == pytest.approx(1.3)
    assert latencies.get("b") == 7.0


def test_old_measurements_are_forgotten():
    """After a minute a target is measured again, without the old average."""
    clock = Clock()
    latencies = Latencies(clock)
    latencies.measured("a", 9.0)
    clock.now = 59.9
    assert latencies.get("a") == 9.0
    clock.now = 60.0
    assert latencies.get("a") is None
    latencies.measured("a", 1.0)
    assert latencies.get("a") == 1.0
