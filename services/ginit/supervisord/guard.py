"""Kills a ginit that hangs, and supervisord starts it again: an RPC interface for supervisord, without methods.

A new ginit takes the services over as they are, so killing it does not disturb them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervisor import events

from gecholog.health import last_heartbeat
from services.ginit import process
from services.ginit.decision.liveness import Liveness, Sample

NAME = "ginit"  # in supervisord.conf
_INTERVAL_S = 5.0  # of Tick5Event
_LIMIT_S = 15.0  # without a heartbeat
_ATTRIBUTE = "gecholog_guard"  # of supervisord, where the guard is kept


class Guard:
    """Samples ginit on each Tick5Event of supervisord."""

    def __init__(self, supervisord: Any, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells the seconds of a monotonic clock."""
        self._clock = clock
        self._groups = supervisord.process_groups
        self._alias = os.environ.get("GECHOLOG_GINIT_ALIAS", NAME)
        self._home = Path(os.environ["GECHOLOG_HOME"])
        self._pid = 0
        self._liveness: Liveness | None = None
        events.subscribe(events.Tick5Event, self._check)

    def _check(self, _: object) -> None:
        pid = self._groups[NAME].processes[NAME].pid
        heartbeat = last_heartbeat(self._alias, self._home)
        sample = Sample(self._clock(), heartbeat, process.cpu_seconds(pid), process.waits_for_resources(pid))
        known = self._liveness if pid == self._pid else None
        self._pid, self._liveness = pid, known.after(sample, _INTERVAL_S) if known else Liveness(sample)
        if pid and self._liveness.unresponsive_s >= _LIMIT_S:
            self._liveness = None
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def make(supervisord: Any, **_: Any) -> Guard:
    """The factory that supervisord.conf names. `socket_repair` has the interfaces made again: the guard stays."""
    if not hasattr(supervisord, _ATTRIBUTE):
        setattr(supervisord, _ATTRIBUTE, Guard(supervisord))
    guard: Guard = getattr(supervisord, _ATTRIBUTE)
    return guard
