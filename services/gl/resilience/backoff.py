"""Back-off: how long a retry waits, so that clients of a struggling target do not come back all at once. Pure."""

from __future__ import annotations

import math
from datetime import datetime
from email.utils import parsedate_to_datetime

FIRST_S = 0.25
MOST_S = 30.0
_MOST_DOUBLINGS = 16  # no float is exceeded, whatever the config says


def delay(retry: int, jitter: float, most: float = MOST_S) -> float:
    """Seconds before a retry: exponential back-off with full jitter.

    `retry` counts from 0; `jitter` is a random number from 0 to 1. See
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter.
    """
    return jitter * min(most, FIRST_S * 2.0 ** min(retry, _MOST_DOUBLINGS))


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds that a `Retry-After` asks for (RFC 9110, section 10.2.3): a number or a date. None if it is neither.

    `now` is aware of its time zone. A date in the past is 0. Fractions of seconds, which some APIs send, are taken.
    """
    text = value.strip()
    try:
        seconds = float(text)
    except ValueError:
        return _until(text, now)
    return seconds if seconds >= 0 and math.isfinite(seconds) else None


def _until(text: str, now: datetime) -> float | None:
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:  # an asctime date, or `-0000`: GMT (RFC 9110, section 5.6.7)
        when = when.replace(tzinfo=now.tzinfo)
    return max(0.0, (when - now).total_seconds())


def pause(retry: int, jitter: float, asked: float | None, most_asked: float) -> float | None:
    """Seconds before a retry; None if the target wants to be left alone for longer than `most_asked` seconds.

    `asked` is what its `Retry-After` said, if anything: the retry does not come before that.
    """
    own = delay(retry, jitter)
    if asked is None:
        return own
    return max(own, asked) if asked <= most_asked else None
