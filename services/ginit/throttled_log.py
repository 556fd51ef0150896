"""Errors that recur while something is retried: each is logged once a minute at most."""

from __future__ import annotations

from gecholog.log_throttle import LogThrottle
from gecholog.logs import Log

_INTERVAL_S = 60.0

log = Log("ginit")


class ThrottledLog:
    """The log for errors that recur."""

    def __init__(self) -> None:
        self._throttle = LogThrottle(_INTERVAL_S)

    def error(self, message: str, child: str, error: OSError) -> None:
        """Log an error about a service, unless the message was logged in the last minute."""
        if self._throttle.admit(message):
            log.error(message, child=child, reason=str(error))
