"""Names of time zones, as the config, addresses and browsers give them. Pure."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

COOKIE = "zone"
"""Where scripts put the time zone of the browser."""

_NAME = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+){0,2}")


def is_time_zone(name: str) -> bool:
    """Tell whether a text is the name of a time zone that this machine knows."""
    if not _NAME.fullmatch(name):
        return False
    try:
        ZoneInfo(name)
    except (OSError, KeyError, ValueError):  # ZoneInfoNotFoundError is a KeyError; a folder of zones an OSError
        return False
    return True


def first_of(*names: str) -> str:
    """The first of these that is a time zone; UTC without one."""
    return next((name for name in names if is_time_zone(name)), "UTC")
