"""Logs: JSON lines on standard output, one line for one thing. `time level msg service`, then the fields.

The message is constant, what varies is in fields. The transaction id comes from the context. Secrets that were named
with `protect` are masked wherever they turn up in a line: a safety net below the rule that nobody logs them.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import quote

import orjson

from gecholog.headers import MASK
from gecholog.timer import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

LEVELS = {"DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR}
_NAMES = {number: name for name, number in LEVELS.items()} | {logging.CRITICAL: "ERROR"}
_SHORTEST_SECRET = 4  # characters; masking shorter text would black out ordinary words
_MOST_EARLIER = 500  # texts that were named earlier, or four times those of now: each makes every line a little slower

transaction: ContextVar[str] = ContextVar("transaction", default="")


class Log:
    """A logger that takes fields: `log.info("config in force", sha256=…)`."""

    __slots__ = ("_logger",)

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(f"gecholog.{name}")

    def debug(self, message: str, **fields: Any) -> None:
        self._write(logging.DEBUG, message, fields)

    def info(self, message: str, **fields: Any) -> None:
        self._write(logging.INFO, message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._write(logging.WARNING, message, fields)

    def error(self, message: str, **fields: Any) -> None:
        self._write(logging.ERROR, message, fields)

    def fault(self, message: str, error: BaseException, **fields: Any) -> None:
        """An error that nobody expected, with its traceback."""
        self._logger.error(message, exc_info=error, extra={"fields": fields})

    def _write(self, level: int, message: str, fields: dict[str, Any]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, message, extra={"fields": fields})


class _JsonLines(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service
        self._hidden: dict[str, None] = {}  # the latest at the end
        self._pattern: re.Pattern[str] | None = None

    def hide(self, forms: AbstractSet[str]) -> None:
        """Mask these texts from now on, and the latest of those before."""
        earlier = [form for form in self._hidden if form not in forms]
        self._hidden = dict.fromkeys((*earlier[-max(_MOST_EARLIER, 4 * len(forms)) :], *forms))
        # the longest first: of a secret that begins with another one nothing must be left over
        pattern = "|".join(re.escape(form) for form in sorted(self._hidden, key=len, reverse=True))
        self._pattern = re.compile(pattern) if pattern else None

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": rfc3339(int(record.created * 1e6) * 1000),
            "level": _NAMES.get(record.levelno, "INFO"),
            "msg": record.getMessage(),
            "service": self._service,
        }
        if transaction_id := transaction.get():
            entry["transaction_id"] = transaction_id
        entry |= getattr(record, "fields", {})
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return self._without_secrets(_line(entry))

    def _without_secrets(self, line: str) -> str:
        return self._pattern.sub(MASK, line) if self._pattern else line


def _line(entry: dict[str, Any]) -> str:
    try:
        return orjson.dumps(entry, default=str).decode()
    except orjson.JSONEncodeError:  # lone surrogates, integers beyond 64 bits
        return orjson.dumps({name: _plain(value) for name, value in entry.items()}).decode()


def _plain(value: Any) -> str:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else ascii(value)


def setup(service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logging of this process to `stream` (standard output) as JSON lines of `service`."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    if stream is None and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # whatever the locale says: JSON is UTF-8
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(_JsonLines(service))
    root.addHandler(handler)
    root.setLevel(logging.WARNING)  # libraries: only what matters
    logging.raiseExceptions = False  # a closed pipe must not end a service
    logging.Formatter.converter = time.gmtime
    set_level(level)


def finish() -> None:
    """Write what is left. If nobody reads it any more it is dropped: the interpreter would exit with 120 instead."""
    try:
        if sys.stdout:  # None: the process was started with it closed
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def set_level(level: str) -> None:
    """Set what is logged: DEBUG, INFO, WARN or ERROR."""
    logging.getLogger("gecholog").setLevel(LEVELS[level])


def protect(secrets: Iterable[str]) -> None:
    """Mask these texts in every line from now on. Short ones are passed over.

    Those named before stay masked: the config that they came from may be in use for a while, or be the one that stays.
    """
    forms = {form for secret in secrets if len(secret) >= _SHORTEST_SECRET for form in _forms(secret)}
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, _JsonLines):
            handler.formatter.hide(forms)


def _forms(secret: str) -> Iterator[str]:
    """How a secret may stand in a line: as it is, in the repr of something, in JSON, in a URL; then all in JSON."""
    plain = _plain(secret)
    quoted = (repr(plain), ascii(secret), json.dumps(secret), json.dumps(plain, ensure_ascii=False))
    for form in (plain, *(text[1:-1] for text in quoted), quote(plain), quote(plain, "")):
        yield json.dumps(form, ensure_ascii=False)[1:-1]
