"""Output of services: chunks of bytes become lines, lines become JSON entries of the system log. Pure."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from gecholog import rawjson
from gecholog.errors import NotJson, Problem, summary
from gecholog.headers import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_LONGEST = 1024 * 1024  # bytes; a line that is longer is cut here
_LONGEST_ERROR = 500  # characters
_SHORTEST_SECRET = 8  # bytes; shorter text may be an ordinary word
_NATS_SERVER = re.compile(r"\[\d+\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d+ \[(?P<level>[A-Z]{3})\] ?(?P<message>.*)")
# nats-server logs this as an error on a machine without a network: it has no address to tell clients, and goes on.
_HARMLESS = re.compile(r'Address "(0\.0\.0\.0|::)" can not be resolved properly')
_LEVELS = {"TRC": "DEBUG", "DBG": "DEBUG", "INF": "INFO", "WRN": "WARN", "ERR": "ERROR", "FTL": "ERROR"}

Replacements = tuple[tuple[bytes, bytes], ...]


class LineBuffer:
    """Cuts a stream of bytes into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, without their line breaks."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LONGEST:
            lines.append(self._rest)
            self._rest = b""
        return lines

    def flush(self) -> bytes:
        """The line that is not complete yet, which is thereby taken."""
        rest, self._rest = self._rest, b""
        return rest


class TextSearch:
    """Finds a text in a stream of bytes, also where it is split over chunks."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()
        self._tail = b""

    def feed(self, chunk: bytes) -> bool:
        """Whether this chunk completes the text."""
        seen = self._tail + chunk
        self._tail = seen[-(len(self._text) - 1) :] if len(self._text) > 1 else b""
        return self._text in seen


def replacements_of(names: Mapping[str, str]) -> Replacements:
    """Replace file names in output, given as old → new: as they are, and as JSON with and without escapes."""
    forms = (os.fsencode, _in_json, lambda name: json.dumps(name)[1:-1].encode())
    return tuple({form(old): form(new) for old, new in names.items() for form in forms}.items())


def _in_json(name: str) -> bytes:
    return os.fsencode(json.dumps(name, ensure_ascii=False)[1:-1])


def replace_all(line: bytes, replacements: Replacements) -> bytes:
    """A line of output with other file names in it."""
    for old, new in replacements:
        line = line.replace(old, new)
    return line


def system_log_entry(line: bytes, service: str, time: str, secrets: Iterable[bytes] = ()) -> bytes | None:
    """A line of a service's output as a JSON line; None for an empty one.

    A JSON object is passed on as it is. Anything else is wrapped: `time` is RFC 3339, the level is read from
    nats-server's `[INF] [WRN] [ERR] [FTL]` (its one harmless error is logged as information). `secrets` are masked
    wherever they stand.
    """
    line = line.strip()
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            line = line.replace(secret, MASK.encode())
    if line.startswith(b"{") and rawjson.is_json(line):
        return line
    level, message = _level_and_message(line.decode("utf-8", "replace"))
    if not message.strip():
        return None
    entry = {"time": time, "level": level, "msg": message.rstrip(), "service": service}
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()


def _level_and_message(text: str) -> tuple[str, str]:
    if match := _NATS_SERVER.fullmatch(text):
        if _HARMLESS.fullmatch(match["message"]):
            return "INFO", match["message"]
        return _LEVELS.get(match["level"], "INFO"), match["message"]
    return "INFO", text


def error_text(entry: bytes) -> str:
    """The message of an error in the system log, with its fields `reason` and `rule`; empty if it is not an error."""
    if b'"ERROR"' not in entry:
        return ""
    found = json_fields(entry)
    if found.get("level") != "ERROR":
        return ""
    texts = [found.get(name) for name in ("msg", "reason", "rule")]
    return ": ".join(text for text in texts if isinstance(text, str) and text)[:_LONGEST_ERROR]


def problem_text(entry: bytes) -> str:
    """What an entry of the system log says about an invalid config: field and rule, else the reason or the message."""
    found = json_fields(entry)
    path, line, rule = found.get("path"), found.get("line"), found.get("rule")
    if isinstance(rule, str):
        problem = Problem(path if isinstance(path, str) else "", rule, line if isinstance(line, int) else None)
        return str(problem)[:_LONGEST_ERROR]
    texts = (found.get(name) for name in ("reason", "msg"))
    return next((text for text in texts if isinstance(text, str) and text), "")[:_LONGEST_ERROR]


def summary_of(entries: Sequence[bytes]) -> str:
    """The first problem that these entries of the system log tell, and how many more there are.

    Entries that are not errors do not count, unless no entry is one.
    """
    errors = [entry for entry in entries if json_fields(entry).get("level") == "ERROR"]
    return summary([text for entry in errors or entries if (text := problem_text(entry))])


def json_fields(line: bytes) -> dict[str, Any]:
    """The fields of a line that is a JSON object; empty for any other line."""
    if not line.lstrip().startswith(b"{"):
        return {}
    try:
        value = rawjson.loads(line)
    except NotJson:
        return {}
    return value if isinstance(value, dict) else {}
