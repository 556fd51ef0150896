"""Reports responses of capped routers without a count, because each of them weakens the cap without a trace.

Each field of a router is reported at most once a minute. The caller writes the log line.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from gecholog.log_throttle import LogThrottle

_INTERVAL_S = 60.0

Report = Callable[[str, str, str, int], None]
"""Takes the router, the field, the transaction id (empty if unknown), and the number of responses since the last."""


class MissingUsage:
    """Throttles the reports. Its keys are the capped routers and fields, so memory is bounded."""

    def __init__(self, report: Report, clock: Callable[[], float] = time.monotonic) -> None:
        self._report = report
        self._throttle = LogThrottle(_INTERVAL_S, clock)

    def record(self, router: str, field: str, transaction_id: str) -> None:
        """Record a response without a count for a capped field."""
        if answers := self._throttle.admit((router, field)):
            self._report(router, field, transaction_id, answers)
