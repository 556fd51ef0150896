"""Logs errors of records, each message once a minute at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.log_throttle import LogThrottle
from gecholog.logs import Log

if TYPE_CHECKING:
    from services.gl.record.delivery.backlog import Backlog

_INTERVAL_S = 60.0

log = Log("records")


class ErrorLog:
    """Logs each message at most once per interval, with the number of records that wait."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._throttle = LogThrottle(_INTERVAL_S)

    def error(self, message: str, reason: str, **fields: object) -> None:
        """Log an error if it was not logged within the interval."""
        if self._throttle.admit(message):
            log.error(message, reason=reason, waiting=len(self._backlog), **fields)
