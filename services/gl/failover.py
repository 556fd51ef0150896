"""Failover: whether an attempt has failed, and in which order candidates are tried. Pure.

An attempt fails if its target cannot be called, or if the target's answer has one of the statuses that the router's
config names (408, 429 and 5xx where it names none).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gecholog.headers import Headers
    from services.gl.attempt import Candidate

_LONGEST = 64  # characters of a Retry-After: a date has 29


def each_once(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates in their order, each where it comes first."""
    found: list[Candidate] = []
    for candidate in candidates:
        if candidate not in found:
            found.append(candidate)
    return found


def retry_after(headers: Headers) -> str | None:
    """When a target wants to be asked again, in its own words: seconds or a date (RFC 9110, section 10.2.3).

    None if it did not say, or said more than such a value has characters.
    """
    return next((value for value in headers.get("Retry-After", ()) if len(value) <= _LONGEST), None)
