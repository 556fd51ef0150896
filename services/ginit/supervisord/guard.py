"""supervisord's look at ginit: one that hangs is killed, and started again. An RPC interface without methods.

A new ginit takes the services over as they are, so killing it disturbs nobody.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

from supervisor import events

from gecholog.health import last_beat
from services.ginit import process
from services.ginit.decision.pulse import Pulse, Sight

NAME = "ginit"  # in supervisord.conf
_EVERY = 5.0  # seconds: supervisord tells the time so often
_KEPT = "gecholog_guard"  # the attribute of supervisord that holds it
_LIMIT = 15.0  # seconds of silence


class Guard:
    """Looks every five seconds, when supervisord tells the time."""

    def __init__(self, supervisord: Any) -> None:
        self._groups = supervisord.process_groups
        self._alias = os.environ.get("GECHOLOG_GINIT_ALIAS", NAME)
        self._home = Path(os.environ["GECHOLOG_HOME"])
        self._pid = 0
        self._pulse: Pulse | None = None
        events.subscribe(events.Tick5Event, self._look)

    def _look(self, _: object) -> None:
        pid = self._groups[NAME].processes[NAME].pid
        sign = last_beat(self._alias, self._home)
        sight = Sight(time.monotonic(), sign, process.computed(pid), process.is_held_up(pid))
        known = self._pulse if pid == self._pid else None
        self._pid, self._pulse = pid, known.after(sight, _EVERY) if known else Pulse(sight)
        if pid and self._pulse.silence >= _LIMIT:
            self._pulse = None
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def make(supervisord: Any, **_: Any) -> Guard:
    """What supervisord.conf names. Whoever makes the socket anew has the interfaces made anew: the guard stays."""
    if not hasattr(supervisord, _KEPT):
        setattr(supervisord, _KEPT, Guard(supervisord))
    guard: Guard = getattr(supervisord, _KEPT)
    return guard
