"""CPU time and state of a process, read from /proc (proc(5)). Without /proc, nothing is known."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_WAITING = frozenset({"R", "D"})  # runnable, in disk sleep


def cpu_seconds(pid: int) -> float:
    """The CPU time of all threads of a process, also of those that have ended; 0 if it is not known."""
    fields = _stat_fields(_PROC / str(pid) / "stat")
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S if fields else 0.0


def waits_for_resources(pid: int) -> bool:
    """Tell whether a thread of the process is runnable or waits for the disk; False if that is not known."""
    try:
        threads = list((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return False
    return any((fields := _stat_fields(thread / "stat")) and fields[0] in _WAITING for thread in threads)


def _stat_fields(file: Path) -> list[str]:
    """The fields from the third, the state, on: the second, a name, may hold anything. Empty if there is no process."""
    try:
        return file.read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return []
