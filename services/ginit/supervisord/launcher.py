"""The launcher, seen from ginit: the process that supervisord runs in. Signals reach it whatever became of files."""

from __future__ import annotations

import contextlib
import os
import signal

VARIABLE = "GECHOLOG_LAUNCHER"
"""The environment variable with its process number."""


def end() -> bool:
    """Ask supervisord to end everything, in order; False if it is not our parent any more."""
    return _send(signal.SIGTERM)


def kill() -> bool:
    """Kill a supervisord that does not respond; False if it is not our parent any more."""
    return _send(signal.SIGKILL)


def pid() -> int:
    """Its process number; 0 if it is gone, because another process may have the number by now."""
    parent = os.getppid()
    return parent if os.environ.get(VARIABLE) == str(parent) else 0


def _send(number: signal.Signals) -> bool:
    if not (launcher := pid()):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(launcher, number)
    return True
