"""The behaviour of the dummy: latency, chunks and failures, from the config or from request headers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from services.dummy.api_error import ApiError

MOST_MS = 600_000
MOST_CHUNKS = 10_000
_LEAST_STATUS, _MOST_STATUS = 400, 599
_PARTS = 1_000_000

_LATENCY = "X-Dummy-Latency-Ms"
_CHUNKS = "X-Dummy-Chunks"
_CHUNK_DELAY = "X-Dummy-Chunk-Delay-Ms"
_ERROR_RATE = "X-Dummy-Error-Rate"
_STATUS = "X-Dummy-Status"
_FAIL_AFTER = "X-Dummy-Fail-After-Chunks"

_NAMES = (_LATENCY, _CHUNKS, _CHUNK_DELAY, _ERROR_RATE, _STATUS, _FAIL_AFTER)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Times are in seconds. With `chunks` 0, each token is one chunk. `status` is the status of failures.

    After `fail_after` chunks a stream ends with an error event (None: it does not).
    """

    latency: float = 0.0
    chunks: int = 0
    chunk_delay: float = 0.0
    error_rate: float = 0.0
    status: int = 500
    fail_after: int | None = None


def from_headers(headers: Mapping[str, str], usual: Behaviour) -> Behaviour:
    """Return the behaviour that the headers of a request ask for. Raises ApiError if a value is invalid.

    With a status but without an error rate, the request always fails; if it is to fail in its stream, it does so there.
    """
    if not any(name in headers for name in _NAMES):
        return usual
    fails = _STATUS in headers and _FAIL_AFTER not in headers
    rate = 1.0 if fails else usual.error_rate
    return Behaviour(
        latency=_number(headers, _LATENCY, usual.latency * 1000, MOST_MS) / 1000,
        chunks=_whole(headers, _CHUNKS, usual.chunks, (0, MOST_CHUNKS)),
        chunk_delay=_number(headers, _CHUNK_DELAY, usual.chunk_delay * 1000, MOST_MS) / 1000,
        error_rate=_number(headers, _ERROR_RATE, rate, 1),
        status=_whole(headers, _STATUS, usual.status, (_LEAST_STATUS, _MOST_STATUS)),
        fail_after=_whole(headers, _FAIL_AFTER, 0, (0, MOST_CHUNKS)) if _FAIL_AFTER in headers else None,
    )


def _number(headers: Mapping[str, str], name: str, usual: float, most: float) -> float:
    text = headers.get(name)
    if text is None:
        return usual
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise _wrong(name, f"a number from 0 to {most}")
    return value


def _whole(headers: Mapping[str, str], name: str, usual: int, limits: tuple[int, int]) -> int:
    text = headers.get(name)
    if text is None:
        return usual
    least, most = limits
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise _wrong(name, f"an integer from {least} to {most}")
    return int(text)


def _wrong(name: str, expected: str) -> ApiError:
    return ApiError(f"Invalid header '{name}': expected {expected}.", param=name, code="invalid_value")


class Failures:
    """Decides which requests fail. With a rate of 0.25, that is every fourth, so that the number of errors is exact."""

    def __init__(self) -> None:
        self._owed = 0

    def next(self, rate: float) -> bool:
        """Tell whether the next request fails, at a rate from 0 to 1."""
        self._owed += round(rate * _PARTS)
        if self._owed < _PARTS:
            return False
        self._owed -= _PARTS
        return True
