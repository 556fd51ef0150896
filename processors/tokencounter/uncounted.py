"""Answers of capped routers in which nothing was found to count: each would let the cap be passed without a word.

One line a minute for each field of a router says so. The caller writes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from gecholog.log_throttle import LogThrottle

_INTERVAL_S = 60.0

Say = Callable[[str, str, str, int], None]
"""Takes the router, the field, the transaction id (empty if unknown), and how many answers there were since."""


class Uncounted:
    """What has been said already. Routers and fields are those of the caps, so memory is bounded."""

    def __init__(self, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._throttle = LogThrottle(_INTERVAL_S, clock)

    def saw(self, router: str, field: str, transaction_id: str) -> None:
        """An answer without a number for a field that has a cap."""
        if answers := self._throttle.admit((router, field)):
            self._say(router, field, transaction_id, answers)
