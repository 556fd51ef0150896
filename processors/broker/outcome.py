"""Reads the outcome of each attempt from a response: whether the target works, and its latency. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gecholog import retry_after
from gecholog.message import Response
from processors.broker.health import Failure

_FAILURE_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_SERVER_ERROR = 500
_SUCCESSES = range(200, 300)
_HEADERS = ("inbound_headers", "egress_headers")
_STATUSES = ("egress_status_code", "inbound_status_code")
_TIMERS = ("outbound_inbound_timer", "inbound_stream")
_MAX_LATENCY_MS = 1e9  # no call takes eleven days


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one attempt. `failure` is None if the target works. `latency` is in milliseconds, or None."""

    path: str
    failure: Failure | None = None
    latency: float | None = None


def outcomes(response: Response, *, any_status_but_200: bool, wall: float) -> list[Outcome]:
    """Return the outcomes of the attempts of a call, in order. Empty if the response does not contain them.

    The field `attempts` lists all attempts. Without it, `gl_path` and `egress_status_code` describe the only one.
    `wall` is the time in seconds since 1970, for targets that send a date as `Retry-After`.
    """
    attempts = list(_listed_attempts(response)) or list(_single_attempt(response))
    return [_outcome(attempt, any_status_but_200=any_status_but_200, wall=wall) for attempt in attempts]


@dataclass(frozen=True, slots=True)
class _Attempt:
    path: str
    status: int | None  # None: there was no response
    headers: Mapping[str, Any]
    latency: float | None


def _listed_attempts(response: Response) -> Iterator[_Attempt]:
    """Yield the attempts that gl lists. The headers of the response belong to the last one."""
    entries = response.get("attempts")
    entries = [attempt for attempt in entries if isinstance(attempt, dict)] if isinstance(entries, list) else []
    for number, attempt in enumerate(entries, 1):
        path, status = attempt.get("gl_path"), _status(attempt.get("status_code"))
        if isinstance(path, str) and (status or attempt.get("error")):
            headers = _headers(response) if number == len(entries) else {}
            if isinstance(given := attempt.get("retry_after"), str):
                headers = {"Retry-After": [given]}
            yield _Attempt(path, None if attempt.get("error") else status, headers, _milliseconds(attempt.get("timer")))


def _single_attempt(response: Response) -> Iterator[_Attempt]:
    path = response.get("gl_path")
    status = next((found for name in _STATUSES if (found := _status(response.get(name)))), None)
    if isinstance(path, str) and status:
        yield _Attempt(path, status, _headers(response), _latency(response))


def _outcome(attempt: _Attempt, *, any_status_but_200: bool, wall: float) -> Outcome:
    reason = _reason(attempt.status, any_status_but_200=any_status_but_200)
    if reason is not None:
        return Outcome(attempt.path, Failure(reason, retry_after_of(attempt.headers, wall)))
    # An error response is fast, which says nothing about the latency of a success.
    return Outcome(attempt.path, latency=attempt.latency if attempt.status in _SUCCESSES else None)


def _reason(status: int | None, *, any_status_but_200: bool) -> str | None:
    """Return why a status counts as a failure, or None. Other 4xx are the client's own mistakes."""
    if status is None:
        return "no answer"
    if status in _FAILURE_STATUSES or status >= _SERVER_ERROR or (any_status_but_200 and status != HTTPStatus.OK):
        return f"status {status}"
    return None


def retry_after_of(headers: Mapping[str, Any], wall: float) -> float | None:
    """Return the pause in seconds that a target asks for, or None."""
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
    """Return the latency without `attempts`: the time to the response, or to the first chunk of a stream."""
    for name in _TIMERS:
        value = response.get(name)
        if isinstance(value, dict):
            return _milliseconds(value.get("first_chunk_timer", value))
    return None


def _milliseconds(timer: Any) -> float | None:
    duration = timer.get("duration") if isinstance(timer, dict) else None
    return float(duration) if isinstance(duration, int | float) and 0 <= duration <= _MAX_LATENCY_MS else None
