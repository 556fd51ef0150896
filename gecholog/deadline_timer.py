"""Many deadlines on one timer of the event loop.

A call waits several times and is almost never late, so a timer of the event loop for each wait would cost more than the
work that it guards. Each waiter stores its own deadline and makes sure that a scan takes place by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

NEVER = float("inf")
_GRAIN = 0.001  # seconds: what is due within it counts as due now, because the event loop's timers are no finer
_REST = 4  # the pause after a scan, in times its duration: thousands of single late waiters do not block the loop
_AFTER_A_FAULT = 1.0  # seconds


class DeadlineTimer:
    """Calls `scan` when the earliest deadline has passed. `next` is that deadline, by the event loop's clock.

    `scan` is given the time up to which deadlines count as passed, and returns the next deadline (NEVER if there is
    none). A waiter that is done early need not cancel anything: the scan that was meant for it finds nothing.
    """

    def __init__(self, scan: Callable[[float], float]) -> None:
        self.next = NEVER
        self._scan = scan
        self._timer: asyncio.TimerHandle | None = None

    def set(self, deadline: float) -> None:
        """Scan at `deadline` or earlier. On a hot path, compare with `next` first and spare the call."""
        if deadline < self.next:
            self.cancel()
            self.next = deadline
            self._timer = asyncio.get_running_loop().call_at(deadline, self._fire)

    def cancel(self) -> None:
        """Do not scan any more, until it is set again."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.next = None, NEVER

    def _fire(self) -> None:
        now = asyncio.get_running_loop().time
        self._timer, self.next = None, NEVER
        began = now()
        upcoming = began + _AFTER_A_FAULT
        try:
            upcoming = self._scan(began + _GRAIN)
        finally:
            ended = now()
            self.set(max(upcoming, ended + _REST * (ended - began)))
