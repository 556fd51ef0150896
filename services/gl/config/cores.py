"""How many workers a config means: as many as cores may be used, where it says `auto`."""

from __future__ import annotations

import math
import os
from pathlib import Path

AUTO = "auto"
MOST_WORKERS = 64

_CGROUP = Path("/sys/fs/cgroup")


def workers(configured: int | str) -> int:
    """The number of workers for the field `workers`."""
    return min(MOST_WORKERS, usable_cores()) if configured == AUTO else int(configured)


def usable_cores(cgroup: Path = _CGROUP) -> int:
    """The cores that this process may use: those of its CPU affinity, and no more than the quota of its container.

    A part of a core counts as a whole one: with a quota of 1.5 cores, one worker could not use all of it.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    quota = quota_of(cgroup)
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def quota_of(cgroup: Path) -> float | None:
    """The CPU quota of a control group, in cores, or None. Reads the files of version 2 and version 1."""
    try:
        quota, period = (cgroup / "cpu.max").read_text("ascii").split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text("ascii")
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text("ascii")
        except (OSError, ValueError):
            return None
    try:
        cores = int(quota) / int(period)  # "max" or -1: no quota
    except (ValueError, ZeroDivisionError):
        return None
    return cores if cores > 0 else None
