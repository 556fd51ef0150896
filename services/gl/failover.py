"""Failover: whether an attempt has failed, and which candidate is next. Pure.

An attempt fails if its target cannot be called, which gl tells by a status of its own, or if the target's answer has
status 408, 429 or 5xx.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from gecholog.headers import Headers
    from services.gl.attempt import Candidate

_NOT_NOW = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_SERVER_ERRORS = range(500, 600)
_LONGEST = 64  # characters of a Retry-After: a date has 29


def has_failed(status: int) -> bool:
    """Tell whether an answer with this status is a failure of its target."""
    return status in _NOT_NOW or status in _SERVER_ERRORS


def next_candidate(candidates: Iterable[Candidate], tried: Collection[Candidate]) -> Candidate | None:
    """The first candidate that was not tried yet; None if there is none left."""
    return next((candidate for candidate in candidates if candidate not in tried), None)


def retry_after(headers: Headers) -> str | None:
    """When a target wants to be asked again, in its own words: seconds or a date (RFC 9110, section 10.2.3).

    None if it did not say, or said more than such a value has characters.
    """
    return next((value for value in headers.get("Retry-After", ()) if len(value) <= _LONGEST), None)
