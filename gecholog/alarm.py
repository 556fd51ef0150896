"""Many time-outs on one timer of the event loop.

Every call waits several times, and is nearly never late: a timer of the loop's own each time would cost more than what
it guards. So who waits only notes until when, and makes sure that somebody looks by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

NEVER = float("inf")
_GRAIN = 0.001  # seconds: what is due within it is due now, for the loop's timers have no finer one
_REST = 4  # times as long as a look took passes until the next: thousands that are late one by one hold nobody up
_AFTER_A_FAULT = 1.0  # seconds


class Alarm:
    """Has `look` called when something may be due; `next` is when, by the loop's clock.

    `look` is given the time up to which things are due, and returns when the next one is (NEVER: there is none). What
    does not wait any more needs no word: the look that was meant for it finds nothing.
    """

    def __init__(self, look: Callable[[float], float]) -> None:
        self.next = NEVER
        self._look = look
        self._timer: asyncio.TimerHandle | None = None

    def set(self, due: float) -> None:
        """Look at `due`, or before. Cheaper still: not to call it if `due` is not before `next`."""
        if due < self.next:
            self.cancel()
            self.next = due
            self._timer = asyncio.get_running_loop().call_at(due, self._ring)

    def cancel(self) -> None:
        """Look no more, until it is set again."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.next = None, NEVER

    def _ring(self) -> None:
        now = asyncio.get_running_loop().time
        self._timer, self.next = None, NEVER
        began = now()
        upcoming = began + _AFTER_A_FAULT
        try:
            upcoming = self._look(began + _GRAIN)
        finally:
            ended = now()
            self.set(max(upcoming, ended + _REST * (ended - began)))
