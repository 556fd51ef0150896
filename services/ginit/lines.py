"""Output of services: chunks of bytes become lines, lines become JSON lines of the system log. Pure."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.headers import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LONGEST = 1024 * 1024  # bytes; what has no line break for so long is cut here
_LONGEST_ERROR = 500  # characters
_SHORTEST_SECRET = 8  # bytes; shorter text may be an ordinary word
_NATS_SERVER = re.compile(r"\[\d+\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d+ \[(?P<level>[A-Z]{3})\] ?(?P<message>.*)")
# What nats-server says of a machine without a network but its own: it has no address to tell clients of, and goes on.
_HARMLESS = re.compile(r'Address "(0\.0\.0\.0|::)" can not be resolved properly')
Renaming = tuple[tuple[bytes, bytes], ...]
_LEVELS = {"TRC": "DEBUG", "DBG": "DEBUG", "INF": "INFO", "WRN": "WARN", "ERR": "ERROR", "FTL": "ERROR"}


class Lines:
    """Takes chunks, gives whole lines, and tells whether a text has been among the bytes."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, chunk: bytes) -> list[bytes]:
        """The lines that are complete now, without their line breaks."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LONGEST:
            lines.append(self._rest)
            self._rest = b""
        return lines

    def rest(self) -> bytes:
        """The line that has begun and is not complete, which is thereby taken."""
        rest, self._rest = self._rest, b""
        return rest


class Needle:
    """Finds a text in a stream, also where it is split over chunks."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()
        self._tail = b""

    def found_in(self, chunk: bytes) -> bool:
        """Whether this chunk completes the text."""
        seen = self._tail + chunk
        self._tail = seen[-(len(self._text) - 1) :] if len(self._text) > 1 else b""
        return self._text in seen


def renaming(names: Mapping[str, str]) -> Renaming:
    """How to say other names of files in lines of output: as they are, and as JSON with and without escapes."""
    forms = (os.fsencode, _in_json, lambda name: json.dumps(name)[1:-1].encode())
    return tuple({form(old): form(new) for old, new in names.items() for form in forms}.items())


def _in_json(name: str) -> bytes:
    return os.fsencode(json.dumps(name, ensure_ascii=False)[1:-1])


def renamed(line: bytes, names: Renaming) -> bytes:
    """A line of output with other names of files in it."""
    for old, new in names:
        line = line.replace(old, new)
    return line


def log_line(line: bytes, service: str, time: str, secrets: Iterable[bytes] = ()) -> bytes | None:
    """A line of a service's output as a JSON line; None for one that says nothing.

    A JSON object is passed on as it is. Anything else is wrapped: `time` is RFC 3339, the level is read from
    nats-server's `[INF] [WRN] [ERR] [FTL]` (its one harmless error is information). `secrets` are masked wherever they
    stand.
    """
    line = line.strip()
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            line = line.replace(secret, MASK.encode())
    if line.startswith(b"{") and rawjson.is_json(line):
        return line
    level, message = _levelled(line.decode("utf-8", "replace"))
    if not message.strip():
        return None
    entry = {"time": time, "level": level, "msg": message.rstrip(), "service": service}
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()


def _levelled(text: str) -> tuple[str, str]:
    if match := _NATS_SERVER.fullmatch(text):
        if _HARMLESS.fullmatch(match["message"]):
            return "INFO", match["message"]
        return _LEVELS.get(match["level"], "INFO"), match["message"]
    return "INFO", text


def error_of(entry: bytes) -> str:
    """What a line of the system log says if it is an error: its message, and its fields `reason` and `rule`."""
    if b'"ERROR"' not in entry:
        return ""
    found = fields(entry)
    if found.get("level") != "ERROR":
        return ""
    said = [found.get(name) for name in ("msg", "reason", "rule")]
    return ": ".join(text for text in said if isinstance(text, str) and text)[:_LONGEST_ERROR]


def fields(line: bytes) -> dict[str, Any]:
    """The fields of a line that is a JSON object; none of any other."""
    if not line.lstrip().startswith(b"{"):
        return {}
    try:
        value = rawjson.loads(line)
    except NotJson:
        return {}
    return value if isinstance(value, dict) else {}
