"""Stops processes, to see what others do with one that hangs."""

import contextlib
import os
import signal
from pathlib import Path

from tests.support.waiting import until


def freeze(pid: int) -> None:
    """Stop a process, and wait until all of its threads stand still: the signal alone does not say that they do."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: all(state in "tTZ" for state in _states(pid)), f"process {pid} to stop")


def _states(pid: int) -> list[str]:
    """The states of a process's threads (proc(5), field 3 of stat: behind the name, which is in brackets)."""
    states = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it ends just now
            states.append((thread / "stat").read_text().rpartition(") ")[2][0])
    return states
