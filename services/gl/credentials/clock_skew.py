"""The difference between the clock of this machine and that of a server, by the `Date` of its responses. Pure."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime


def skew(date: str, now: float) -> float | None:
    """Seconds by which the server's clock is ahead of `now` (Unix time); None if `date` cannot be read.

    `date` is the header `Date` (RFC 9110, section 6.6.1), in whole seconds.
    """
    with suppress(ValueError, TypeError, OverflowError):
        found = parsedate_to_datetime(date)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() - now
    return None


def shown(skew_s: float) -> str:
    """The skew for people."""
    direction = "behind" if skew_s > 0 else "ahead of"
    return f"the clock of this machine is {abs(skew_s):.0f} s {direction} the server's"
