"""When a credential is renewed next. Pure."""

from __future__ import annotations

from gecholog import backoff

_FIRST_RETRY_S = 5.0
_LONGEST_RETRY_S = 60.0


class Renewal:
    """The time of the next renewal, `at`, by the clock of its owner; 0 before the first one."""

    def __init__(self) -> None:
        self.at = 0.0
        self._failures = 0

    def succeeded(self, following: float) -> None:
        """Note a success. `following` is the time of the next renewal."""
        self.at, self._failures = following, 0

    def failed(self, now: float) -> bool:
        """Note a failure, and plan a retry. Returns True for the first failure since a success: that one is logged."""
        self.at = now + backoff.exponential(self._failures, _FIRST_RETRY_S, _LONGEST_RETRY_S)
        self._failures += 1
        return self._failures == 1
