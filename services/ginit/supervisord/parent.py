"""The parent process of ginit: the launcher, in which supervisord runs. Signals reach it even if its socket is gone."""

from __future__ import annotations

import contextlib
import os
import signal

VARIABLE = "GECHOLOG_LAUNCHER"
"""The environment variable with the pid of the launcher."""


def terminate() -> bool:
    """Ask supervisord to end everything, in order; returns False if it is not our parent any more."""
    return _send(signal.SIGTERM)


def kill() -> bool:
    """Kill a supervisord that does not respond; returns False if it is not our parent any more."""
    return _send(signal.SIGKILL)


def pid() -> int:
    """The pid of the launcher; 0 if it has ended, because another process may have its pid by now."""
    parent = os.getppid()
    return parent if os.environ.get(VARIABLE) == str(parent) else 0


def _send(number: signal.Signals) -> bool:
    if not (launcher := pid()):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(launcher, number)
    return True
