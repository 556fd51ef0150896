"""What the operating system knows of this process, under the names that Prometheus clients use everywhere."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

from gecholog.metrics.family import Family, Kind, Merge
from gecholog.metrics.snapshot import Series, Snapshot

_MICRO = 1_000_000
_PAGE = resource.getpagesize()
_PROC = Path("/proc/self")

CPU = Family("process_cpu_seconds_total", Kind.COUNTER, "Total user and system CPU time in seconds", scale=_MICRO)
RESIDENT = Family("process_resident_memory_bytes", Kind.GAUGE, "Resident memory size in bytes")
VIRTUAL = Family("process_virtual_memory_bytes", Kind.GAUGE, "Virtual memory size in bytes")
OPEN_FILES = Family("process_open_fds", Kind.GAUGE, "Number of open file descriptors")
MOST_FILES = Family(
    "process_max_fds", Kind.GAUGE, "Maximum number of open file descriptors of one process", merge=Merge.MIN
)
START = Family(
    "process_start_time_seconds", Kind.GAUGE, "Start time of the oldest process, since 1970", merge=Merge.MIN
)


class _Start:
    """When this process began: for one that was made by `fork`, that is the moment when it was."""

    def __init__(self) -> None:
        self.at = time.time()
        os.register_at_fork(after_in_child=self._again)

    def _again(self) -> None:
        self.at = time.time()


_start = _Start()


def snapshot() -> Snapshot:
    """CPU time, memory and files of this process. Memory and files are missing where there is no /proc."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    families: dict[Family, Series] = {
        CPU: {(): round((used.ru_utime + used.ru_stime) * _MICRO)},
        MOST_FILES: {(): resource.getrlimit(resource.RLIMIT_NOFILE)[0]},
        START: {(): _start.at},
    }
    try:
        virtual, resident, *_ = (_PROC / "statm").read_text("ascii").split()
        open_files = len(os.listdir(_PROC / "fd"))  # noqa: PTH208 - only their number
    except OSError:
        return Snapshot(families)
    families[RESIDENT] = {(): int(resident) * _PAGE}
    families[VIRTUAL] = {(): int(virtual) * _PAGE}
    families[OPEN_FILES] = {(): open_files}
    return Snapshot(families)
