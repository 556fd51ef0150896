"""Tells a process that hangs from one that is slow: for how long it could have sent a heartbeat, and did not. Pure.

Elapsed time alone does not tell: on a machine that is merely slow, a healthy process misses heartbeats too. Only time
counts in which the process had what it needs:

- While all its threads sleep or are stopped, nothing kept it from responding: all of the time counts.
- While one of them waits for a CPU or the disk, only the CPU time that the process got counts. An event loop that never
  turns uses CPU on and on; a process that is starved does not.
- If a sample comes late, because ginit itself was starved or suspended, little more than one sample interval counts.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

SAMPLE_INTERVAL_S = 1.0
REPORTED_AFTER_S = 2.5  # less means nothing: a heartbeat may come just after a sample
_LONGEST_INTERVALS = 1.5  # sample intervals that count at most between two samples


@dataclass(frozen=True, slots=True)
class Sample:
    """One observation of a process. `time` is in seconds of a monotonic clock.

    `heartbeat` changes with each heartbeat; None if the process is not known to send any. `cpu_seconds` is the CPU time
    of all its threads since it began. `waits_for_resources`: one of its threads is runnable or waits for the disk.
    """

    time: float
    heartbeat: Hashable | None
    cpu_seconds: float
    waits_for_resources: bool


def delayed_s(before: Sample, after: Sample) -> float:
    """Seconds between two samples in which the process waited for a CPU or the disk. At least 0."""
    if not after.waits_for_resources:
        return 0.0
    return max(after.time - before.time - (after.cpu_seconds - before.cpu_seconds), 0.0)


@dataclass(frozen=True, slots=True)
class Liveness:
    """What is known of a process after its last sample. `unresponsive_s` is time that counts, see above."""

    last: Sample
    unresponsive_s: float = 0.0

    def after(self, sample: Sample, interval_s: float = SAMPLE_INTERVAL_S) -> Liveness:
        """What is known after another sample, which was planned `interval_s` after the last one."""
        if sample.heartbeat is None or sample.heartbeat != self.last.heartbeat:
            return Liveness(sample)
        counted = min(sample.time - self.last.time, interval_s * _LONGEST_INTERVALS)
        if sample.waits_for_resources:
            counted = min(counted, sample.cpu_seconds - self.last.cpu_seconds)
        return replace(self, last=sample, unresponsive_s=self.unresponsive_s + max(counted, 0.0))
