"""How long a server asks its clients to wait: the header `Retry-After` (RFC 9110, section 10.2.3). Pure."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


def seconds(value: str, now: float) -> float | None:
    """Seconds to wait, of the value of `Retry-After`: a number, or a date that is compared to `now` (Unix time).

    0 for a date in the past, None for what cannot be read. The number has no upper limit (it may be infinite): callers
    cut it to what makes sense to them. Fractions of a second are not in the RFC, and some servers send them.
    """
    text = value.strip()
    if (number := _number(text)) is not None:
        return number
    with suppress(ValueError, TypeError, OverflowError):
        date = parsedate_to_datetime(text)
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)
    return None


def seconds_of_ms(value: str) -> float | None:
    """Seconds to wait, of the value of `Retry-After-Ms`, which OpenAI and Azure send beside it; None if unreadable."""
    milliseconds = _number(value.strip())
    return None if milliseconds is None else milliseconds / 1000


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None
