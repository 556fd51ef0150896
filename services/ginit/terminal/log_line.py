"""An entry of the system log as one line for people. Pure."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gecholog.shorten import shorten
from services.ginit.printable import printable

if TYPE_CHECKING:
    from services.ginit.terminal.palette import Palette

_OF_EVERY_LINE = frozenset({"time", "level", "msg", "service", "traceback"})
_FOR_MACHINES = frozenset({"sha256", "version"})
_NAME_WIDTH = 12  # characters; the longest name of a shipped service
_LONGEST_VALUE = 200  # characters


def log_line(entry: dict[str, Any], palette: Palette) -> str:
    """`12:01:03 gl  message  field=value …`, followed by the lines of a traceback if there is one.

    `entry` is a line of the system log. Its time is shown in the local time zone. Control characters are escaped, so
    that text from outside cannot control the terminal.
    """
    service, message = printable(entry.get("service", "")), printable(entry.get("msg", ""))
    fields = [f"{name}={_value(value)}" for name, value in entry.items() if name not in _OF_EVERY_LINE | _FOR_MACHINES]
    line = f"{palette.dim(clock(entry.get('time')))} {service:{_NAME_WIDTH}} {_by_level(entry, message, palette)}"
    if fields:
        line += "  " + palette.dim("  ".join(fields))
    trace = entry.get("traceback")
    return line if not isinstance(trace, str) else "\n".join((line, *map(printable, trace.splitlines())))


def clock(time: Any) -> str:
    """The local time of day of an RFC 3339 time; spaces if it is not one."""
    try:
        return datetime.fromisoformat(str(time)).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return " " * 8


def _by_level(entry: dict[str, Any], message: str, palette: Palette) -> str:
    match entry.get("level"):
        case "ERROR":
            return palette.red(f"error: {message}")
        case "WARN":
            return palette.yellow(f"warning: {message}")
    return message


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(shorten(text, _LONGEST_VALUE))
