"""What the operating system knows of a process: below /proc, see proc(5). Elsewhere nothing is known."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")  # in a second
_HELD_UP = frozenset({"R", "D"})  # can run, waits for the disk


def computed(pid: int) -> float:
    """The seconds of processor time of all threads of a process, those that have ended among them; 0 if not known."""
    fields = _fields(_PROC / str(pid) / "stat")
    return (int(fields[11]) + int(fields[12])) / _TICKS if fields else 0.0


def is_held_up(pid: int) -> bool:
    """Tell whether a thread of the process can run, or waits for the disk; False if that is not known."""
    try:
        threads = list((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return False
    return any((fields := _fields(thread / "stat")) and fields[0] in _HELD_UP for thread in threads)


def _fields(file: Path) -> list[str]:
    """The fields from the third on, the state; the second, a name, may hold anything. None if it has just ended."""
    try:
        return file.read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return []
