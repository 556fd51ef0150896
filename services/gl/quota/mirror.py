"""Usage on disk, so that a restart loses none of it: not after a crash, and not while the bus is away.

The folder has the file `state.json`, with the usage of all replicas at one moment, and log files with what this replica
has counted since, a line for each call that was settled:

    [1796000000000,7,120,[["key.a1b2c3d4","month",["requests","tokens","nano_usd"]]]]

These are the time in milliseconds since 1970, tokens, nano-USD, and the meters: subject, window, and fields, of which
those that are neither tokens nor money count one. A line is in the page cache of the kernel before the call's record
is, so it outlives the process; it is not synced to the disk, so a power failure may lose the last seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
from typing import TYPE_CHECKING

import msgspec

from gecholog import file_lock
from gecholog.logs import Log
from services.gl.quota import left_usage
from services.gl.quota.usage_folder import State, UsageFolder
from services.gl.quota.usage_log import UsageLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from gecholog.quota.accounts import Accounts
    from gecholog.quota.holds import Held
    from gecholog.quota.subject import Mark
    from gecholog.quota.usage_table import UsageTable

log = Log("quota")

INTERVAL_S = 60.0  # between two states
_LOG_BYTES = 4 * 1024 * 1024
_LARGE_LOG = _LOG_BYTES // 2  # bytes after which a state is written sooner

_write = msgspec.json.Encoder().encode


class QuotaMirror:
    """The usage of one gateway on disk. `replica` is the name of its own counts, which it keeps over restarts.

    Without the folder, or while another process has it, nothing is stored. `left` are the folders of workers that there
    are no longer, whose usage it takes over.
    """

    def __init__(self, folder: Path, left: Callable[[], Iterable[Path]] = tuple) -> None:
        self.replica = secrets.token_hex(6)
        self._folder = folder
        self._files = UsageFolder(folder)
        self._left = left
        self._lock: int | None = None
        self._log: UsageLog | None = None
        self._number = 0
        self._writing = threading.Lock()  # a state is written in a thread, the last one by `close`
        self._written = 0  # the number of the log of the state on disk
        self._full = asyncio.Event()
        self._has_failed = False

    def load(self, table: UsageTable, now: int) -> None:
        """Put the usage on disk into the table, and begin to store."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = file_lock.acquire(self._folder / "lock")
        except OSError as error:
            log.warning("usage is not stored on disk, a restart may lose some", reason=str(error))
            return
        state = self._files.state()
        if state is not None:
            self.replica = state.replica
        self._files.restore(table, state)
        self._number = max(self._files.logs(), default=0)
        self._write_state(self._begin(table, now))
        self._adopt(table, now)

    def _adopt(self, table: UsageTable, now: int) -> None:
        left_usage.adopt(self._left(), table, now, lambda: self._write_state(self._begin(table, now)))

    def save(self, accounts: Accounts, used: Held, marks: Sequence[Mark], now: int) -> None:
        """Store what a settled call has used, and the marks that it reached."""
        if self._log is None:
            return
        _, tokens, nano_usd = used
        self._append(b"[%d,%d,%d,%b]\n" % (now, tokens, nano_usd, accounts.on_disk))
        for mark in marks:
            self._append(_write((now, 0, 0, [(mark.subject.name, mark.budget.window, (mark.field,))])) + b"\n")

    def _append(self, line: bytes) -> None:
        if self._log is None:
            return
        if not self._log.append(line):  # the next state, which is due, contains both logs
            if not self._begin_log():
                return
            self._log.append(line)
        if self._log.used > _LARGE_LOG:
            self._full.set()

    async def run(self, table: UsageTable, clock: Callable[[], int]) -> None:
        """Write a state now and then, so that logs do not grow without end."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await self._full.wait()
            self._full.clear()
            self._adopt(table, clock())  # the process of a folder may have lived when this one began
            if self._log is not None and self._log.used:
                await asyncio.to_thread(self._write_state, self._begin(table, clock()))

    def close(self, table: UsageTable, now: int) -> None:
        """Write the last state."""
        if self._log is not None:
            self._write_state(self._begin(table, now))
            self._log.close()
            self._log = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # ---------------------------------------------------------------- writing

    def _begin(self, table: UsageTable, now: int) -> State | None:
        """Begin a new log. Returns what has been counted before it; None if that fails."""
        return State(self.replica, self._number, list(table.usages(now))) if self._begin_log() else None

    def _begin_log(self) -> bool:
        try:
            new = UsageLog(self._files.log(self._number + 1), _LOG_BYTES)
        except OSError as error:
            self._failed(error)
            return False
        if self._log is not None:
            self._log.close()
        self._log, self._number, self._has_failed = new, self._number + 1, False
        return True

    def _write_state(self, state: State | None) -> bool:
        """Write a state, unless a later one has been written. Returns whether it is on disk."""
        if state is None:
            return False
        with self._writing:
            if state.log < self._written:
                return True
            try:
                self._files.write(state)
            except OSError as error:
                self._failed(error)
                return False
            self._written = state.log
            return True

    def _failed(self, error: OSError) -> None:
        if not self._has_failed:
            self._has_failed = True
            log.error("usage cannot be stored on disk, a restart may lose some", reason=str(error))
