"""Asks the ledger for pages and the API: opens it when it is there, remembers answers for seconds, never waits long.

Two visitors who ask the same at the same time share one answer. A page gives a question some patience; then it shows
that the figures are still being added up, and finds them when it asks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gecholog.errors import ConfigError, GechologError
from gecholog.ledger.errors import LedgerError
from gecholog.ledger.settings import FILE, Settings, settings_of
from gecholog.logs import Log

if TYPE_CHECKING:
    from gecholog.ledger.database import Database

log = Log("ledger")

T = TypeVar("T")

PATIENCE_S = 1.0
"""How long a page waits for an answer."""

API_PATIENCE_S = 55.0
_MOST_ANSWERS = 64
_CACHE_KIB = 512  # of each connection; the system caches the file as well
_AT_ONCE = 12  # questions that are being answered; more would only wait for each other


class NoLedger(LedgerError):
    """There is no ledger: nothing has written one."""


class LedgerAway(LedgerError):
    """The ledger cannot be read now; the message says why."""


class StillAdding(GechologError):
    """The answer takes longer than a page waits. It is there when the page asks again."""


@dataclass(slots=True)
class _Answer:
    task: asyncio.Task[Any]
    until: float  # monotonic time up to which it counts


@dataclass(frozen=True, slots=True)
class _Place:
    """Which ledger is open: another config or another file needs another connection."""

    config: tuple[int, ...]
    file: tuple[int, ...]


class LedgerAccess:
    """The ledger that the config of nats2ledger names, below a home folder."""

    def __init__(self, home: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._config_file = home / "conf" / FILE
        self._default_file = home / "data" / "ledger.db"
        self._environ = environ
        self._opened: Database | None = None
        self._place: _Place | None = None
        self._closing = contextlib.AsyncExitStack()
        self._lock = asyncio.Lock()
        self._answers: OrderedDict[Hashable, _Answer] = OrderedDict()

    async def ask(
        self,
        name: Hashable,
        question: Callable[[Database], Awaitable[T]],
        *,
        keep_s: float = 0.0,
        patience_s: float = PATIENCE_S,
    ) -> T:
        """The answer to a question. `name` tells it from others; the answer is remembered for `keep_s` seconds.

        Raises NoLedger, LedgerAway, StillAdding, and what the question raises.
        """
        now = time.monotonic()
        answer = self._answers.get(name)
        if answer is None or (answer.task.done() and (now > answer.until or _failed(answer.task))):
            if sum(not one.task.done() for one in self._answers.values()) >= _AT_ONCE:
                raise StillAdding("the ledger is busy with other questions: try again")
            task = asyncio.create_task(self._answer(question), name="question to the ledger")
            answer = self._answers[name] = _Answer(task, now + keep_s)
            self._forget_some()
        self._answers.move_to_end(name)
        finished, _ = await asyncio.wait({answer.task}, timeout=patience_s)
        if not finished:
            answer.until = time.monotonic() + max(keep_s, 30.0)  # who waits for it asks again
            raise StillAdding("the figures are still being added up: try again")
        found: T = answer.task.result()
        return found

    async def direct(self, question: Callable[[Database], Awaitable[T]]) -> T:
        """The answer to a question that nobody else asks, such as a part of an export. Raises NoLedger, LedgerAway."""
        return await self._answer(question)

    async def open_early(self) -> None:
        """Open the ledger if there is one, so that the first page need not wait for it."""
        with contextlib.suppress(GechologError, OSError):
            await self._database()

    async def close(self) -> None:
        for answer in self._answers.values():
            answer.task.cancel()
        await asyncio.gather(*(answer.task for answer in self._answers.values()), return_exceptions=True)
        await self._shut()

    # ---------------------------------------------------------------- answers

    async def _answer(self, question: Callable[[Database], Awaitable[T]]) -> T:
        database = await self._database()
        try:
            return await question(database)
        except Exception as error:
            if (reason := _reason(error)) is None:
                raise
            log.warning("question to the ledger failed", reason=reason)
            await self._shut()
            raise LedgerAway(reason) from error

    def _forget_some(self) -> None:
        for name in list(self._answers):
            if len(self._answers) <= _MOST_ANSWERS:
                return
            if self._answers[name].task.done():
                _failed(self._answers.pop(name).task)

    # ---------------------------------------------------------------- the open ledger

    async def _database(self) -> Database:
        async with self._lock:
            place = await asyncio.to_thread(self._look)
            if self._opened is None or place != self._place:
                await self._shut()
                self._opened = await self._open()
                self._place = place
            return self._opened

    def _look(self) -> _Place:
        return _Place(_stamp(self._config_file, with_content=True), _stamp(self._default_file, with_content=False))

    async def _open(self) -> Database:
        try:
            settings = await asyncio.to_thread(self._settings)
        except (ConfigError, LedgerError) as error:
            raise LedgerAway(str(error)) from error
        file = settings.location.file
        if file is not None and not file.exists():
            raise NoLedger(f"there is no ledger yet at {file}: nats2ledger creates it")
        await asyncio.to_thread(importlib.import_module, "gecholog.ledger.queries")  # takes a moment
        from gecholog.ledger.database import open_reader  # noqa: PLC0415 - loads SQLAlchemy, only where it is needed

        try:
            return await self._closing.enter_async_context(open_reader(settings.location, _CACHE_KIB))
        except LedgerError as error:
            raise LedgerAway(str(error)) from error

    def _settings(self) -> Settings:
        return settings_of(self._config_file, self._environ)

    async def _shut(self) -> None:
        self._opened = self._place = None
        stack, self._closing = self._closing, contextlib.AsyncExitStack()
        try:
            await stack.aclose()
        except Exception as error:
            if _reason(error) is None:
                raise


def _reason(error: Exception) -> str | None:
    """What a database says about an error; None if it is none of a database."""
    from gecholog.ledger.database import DRIVER_ERRORS, reason_of  # noqa: PLC0415 - only where it is needed

    return reason_of(error) if isinstance(error, DRIVER_ERRORS) else None


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.cancelled() or task.exception() is not None


def _stamp(file: Path, *, with_content: bool) -> tuple[int, ...]:
    try:
        status = file.stat()
    except OSError:
        return ()
    changes = (status.st_mtime_ns, status.st_size) if with_content else ()
    return (status.st_ino, status.st_dev, *changes)
