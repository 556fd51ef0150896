"""Logs: JSON lines on standard output, with `time level msg service` and then the fields of the message.

The message is constant; everything that varies is in fields. The transaction id comes from the context. Client keys and
secrets that were given to `protect` are masked wherever they occur in a line, in case the rule that nobody logs them is
broken.
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
from gecholog.keys.masking import masked
from gecholog.timer import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

LEVELS = {"DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR}
_NAMES = {number: name for name, number in LEVELS.items()} | {logging.CRITICAL: "ERROR"}
_SHORTEST_SECRET = 4  # characters; masking shorter text would hide ordinary words
_MOST_EARLIER = 500  # earlier texts that are kept, or four times the present ones: each one slows down every line

transaction: ContextVar[str] = ContextVar("transaction", default="")


class Log:
    """A logger with fields: `log.info("config in force", sha256=…)`."""

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
        """Log an unexpected error, with its traceback."""
        self._logger.error(message, exc_info=error, extra={"fields": fields})

    def _write(self, level: int, message: str, fields: dict[str, Any]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, message, extra={"fields": fields})


class _JsonLines(logging.Formatter):
    def __init__(self, service: str, constant: Mapping[str, Any]) -> None:
        super().__init__()
        self._service = service
        self._constant = constant
        self._hidden: dict[str, None] = {}  # the latest at the end
        self._pattern: re.Pattern[str] | None = None

    def hide(self, forms: AbstractSet[str]) -> None:
        """Mask these texts from now on, as well as the latest of the earlier ones."""
        earlier = [form for form in self._hidden if form not in forms]
        self._hidden = dict.fromkeys((*earlier[-max(_MOST_EARLIER, 4 * len(forms)) :], *forms))
        # the longest first, so that a secret that begins with another one is masked to its end
        pattern = "|".join(re.escape(form) for form in sorted(self._hidden, key=len, reverse=True))
        self._pattern = re.compile(pattern) if pattern else None

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": rfc3339(int(record.created * 1e6) * 1000),
            "level": _NAMES.get(record.levelno, "INFO"),
            "msg": record.getMessage(),
            "service": self._service,
            **self._constant,
        }
        if transaction_id := transaction.get():
            entry["transaction_id"] = transaction_id
        entry |= getattr(record, "fields", {})
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return self._without_secrets(_line(entry))

    def _without_secrets(self, line: str) -> str:
        line = masked(line)  # client keys are not known before
        return self._pattern.sub(MASK, line) if self._pattern else line


def _line(entry: dict[str, Any]) -> str:
    try:
        return orjson.dumps(entry, default=str).decode()
    except orjson.JSONEncodeError:  # lone surrogates, integers beyond 64 bits
        return orjson.dumps({name: _plain(value) for name, value in entry.items()}).decode()


def _plain(value: Any) -> str:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else ascii(value)


def setup(service: str, level: str = "INFO", stream: TextIO | None = None, **constant: Any) -> None:
    """Send all logs of this process to `stream` (default: standard output), as JSON lines of `service`.

    `constant` are fields of every line.
    """
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    if stream is None and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # JSON is UTF-8, whatever the locale
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(_JsonLines(service, constant))
    root.addHandler(handler)
    root.setLevel(logging.WARNING)  # libraries: only what matters
    logging.raiseExceptions = False  # a closed pipe must not end a service
    logging.Formatter.converter = time.gmtime
    set_level(level)


def finish() -> None:
    """Flush the output. If nobody reads it any more, drop it: the interpreter would exit with 120 otherwise."""
    try:
        if sys.stdout:  # None: the process was started with it closed
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def set_level(level: str) -> None:
    """Set the log level: DEBUG, INFO, WARN or ERROR."""
    logging.getLogger("gecholog").setLevel(LEVELS[level])


def protect(secrets: Iterable[str]) -> None:
    """Mask these texts in every line from now on; short ones are ignored.

    Earlier texts stay masked, because the config that they came from may still be in use, or may stay in force.
    """
    forms = {form for secret in secrets if len(secret) >= _SHORTEST_SECRET for form in _forms(secret)}
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, _JsonLines):
            handler.formatter.hide(forms)


def _forms(secret: str) -> Iterator[str]:
    """The forms of a secret in a line: plain, in a repr, in JSON, in a URL, and each of these escaped as JSON."""
    plain = _plain(secret)
    quoted = (repr(plain), ascii(secret), json.dumps(secret), json.dumps(plain, ensure_ascii=False))
    for form in (plain, *(text[1:-1] for text in quoted), quote(plain), quote(plain, "")):
        yield json.dumps(form, ensure_ascii=False)[1:-1]
