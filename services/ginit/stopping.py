"""In which order services are stopped, and how long each one may take. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gecholog.environment import fill
from services.ginit.supervisord.program import STOP_WAIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.ginit.config import Definition

_LAST_TO_STOP = 10  # priorities: the lower, the later
_OTHERS = 100
_FIRST_TO_STOP = 900
_GATEWAY = "gl"
_LONGEST_WAIT_S = 24 * 3600
_LAST_RECORDS_S = 3  # after the time that a service gives to its calls: the last records leave


def stop_wait_s(data: bytes, environ: Mapping[str, str]) -> int:
    """How long a service with this config may take to end: a little more than its `shutdown_timeout_ms`."""
    try:
        asked = int(json.loads(fill(data.decode("utf-8-sig"), environ).text)["shutdown_timeout_ms"]) // 1000
    except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError):
        return STOP_WAIT
    return min(max(STOP_WAIT, asked + _LAST_RECORDS_S), _LONGEST_WAIT_S)


def stop_priority(service: Definition, place: int) -> int:
    """The order of stopping: the gateway first, then the others from the last to the first, the bus at the end.

    So the records of its last calls still reach the processors, the bus and the sinks.
    """
    if service.is_nats_server:
        return _LAST_TO_STOP
    return _FIRST_TO_STOP if service.program.name == _GATEWAY else _OTHERS + place
