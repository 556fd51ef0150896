"""What a response tells of the targets that were tried: whether each works, how fast it answered. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gecholog import retry_after
from gecholog.message import Response
from processors.broker.health import Failure

_RETRIED_ELSEWHERE = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_SERVER_ERRORS = 500
_SUCCESSES = range(200, 300)
_HEADERS = ("inbound_headers", "egress_headers")
_STATUSES = ("egress_status_code", "inbound_status_code")
_TIMERS = ("outbound_inbound_timer", "inbound_stream")
_LONGEST = 1e9  # milliseconds; no call takes eleven days


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try. `failure` is None if the target works; `latency` is in milliseconds, None if not known."""

    path: str
    failure: Failure | None = None
    latency: float | None = None


def outcomes(response: Response, *, any_status_but_200: bool, wall: float) -> list[Outcome]:
    """What came of each try of a call, in their order; nothing if the response does not tell.

    `attempts` tells of all tries, otherwise `gl_path` and `egress_status_code` of the only one. `wall` (seconds since
    1970) is for targets that say by date when they may be called again.
    """
    tries = list(_attempts(response)) or list(_only_one(response))
    return [_outcome(entry, any_status_but_200=any_status_but_200, wall=wall) for entry in tries]


@dataclass(frozen=True, slots=True)
class _Try:
    path: str
    status: int | None  # None: there was no answer
    headers: Mapping[str, Any]
    latency: float | None


def _attempts(response: Response) -> Iterator[_Try]:
    """The tries that gl lists. The headers of the response are those of the last one."""
    entries = response.get("attempts")
    entries = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    for number, entry in enumerate(entries, 1):
        path, status = entry.get("gl_path"), _status(entry.get("status_code"))
        if isinstance(path, str) and (status or entry.get("error")):
            headers = _headers(response) if number == len(entries) else {}
            if isinstance(given := entry.get("retry_after"), str):
                headers = {"Retry-After": [given]}
            yield _Try(path, None if entry.get("error") else status, headers, _milliseconds(entry.get("timer")))


def _only_one(response: Response) -> Iterator[_Try]:
    path = response.get("gl_path")
    status = next((found for name in _STATUSES if (found := _status(response.get(name)))), None)
    if isinstance(path, str) and status:
        yield _Try(path, status, _headers(response), _latency(response))


def _outcome(entry: _Try, *, any_status_but_200: bool, wall: float) -> Outcome:
    reason = _reason(entry.status, any_status_but_200=any_status_but_200)
    if reason is not None:
        return Outcome(entry.path, Failure(reason, wait_of(entry.headers, wall)))
    # a refusal is quick: it says nothing of how long an answer takes
    return Outcome(entry.path, latency=entry.latency if entry.status in _SUCCESSES else None)


def _reason(status: int | None, *, any_status_but_200: bool) -> str | None:
    """Why a status speaks against the target; None if it does not. Other 4xx are the caller's own."""
    if status is None:
        return "no answer"
    if status in _RETRIED_ELSEWHERE or status >= _SERVER_ERRORS or (any_status_but_200 and status != HTTPStatus.OK):
        return f"status {status}"
    return None


def wait_of(headers: Mapping[str, Any], wall: float) -> float | None:
    """Seconds after which a target wants to be called again; None if it does not say."""
    if (seconds := retry_after.seconds_of_ms(_first(headers, "Retry-After-Ms"))) is not None:
        return seconds
    return retry_after.seconds(_first(headers, "Retry-After"), wall)


def _first(headers: Mapping[str, Any], name: str) -> str:
    values = headers.get(name)
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str) else ""


def _status(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None


def _headers(response: Response) -> Mapping[str, Any]:
    found = (response.get(name) for name in _HEADERS)
    return next((headers for headers in found if isinstance(headers, dict)), {})


def _latency(response: Response) -> float | None:
    """Without `attempts`: the time to the answer, or to the first piece of a stream."""
    for name in _TIMERS:
        value = response.get(name)
        if isinstance(value, dict):
            return _milliseconds(value.get("first_chunk_timer", value))
    return None


def _milliseconds(timer: Any) -> float | None:
    duration = timer.get("duration") if isinstance(timer, dict) else None
    return float(duration) if isinstance(duration, int | float) and 0 <= duration <= _LONGEST else None
