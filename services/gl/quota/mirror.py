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
import re
import secrets
import threading
from typing import TYPE_CHECKING

import msgspec

from gecholog import atomic_file, file_lock, regular_file
from gecholog.logs import Log
from gecholog.quota.ledger import Counted
from gecholog.quota.limits import NANO_USD, TOKENS
from gecholog.quota.meter import ReplicaUsage
from services.gl.quota.usage_log import UsageLog, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from gecholog.quota.accounts import Accounts
    from gecholog.quota.holds import Held
    from gecholog.quota.ledger import Ledger
    from gecholog.quota.subject import Mark

log = Log("quota")

INTERVAL_S = 60.0  # between two states
_LOG_BYTES = 4 * 1024 * 1024
_LARGE_LOG = _LOG_BYTES // 2  # bytes after which a state is written sooner
_MODE = 0o600
_LOG = re.compile(r"log-([0-9]{1,15})\.jsonl")


class _State(msgspec.Struct):
    """The file `state.json`. `log` is the number of the first log file that is not in `usages`."""

    replica: str
    log: int
    usages: list[tuple[str, str, ReplicaUsage]]


_Line = tuple[int, int, int, list[tuple[str, str, list[str]]]]

_read_state = msgspec.json.Decoder(_State).decode
_read_line = msgspec.json.Decoder(_Line).decode
_write = msgspec.json.Encoder().encode


class QuotaMirror:
    """The usage of one gateway on disk. `replica` is the name of its own counts, which it keeps over restarts.

    Without the folder, or while another process has it, nothing is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.replica = secrets.token_hex(6)
        self._folder = folder
        self._lock: int | None = None
        self._log: UsageLog | None = None
        self._number = 0
        self._writing = threading.Lock()  # a state is written in a thread, the last one by `close`
        self._written = 0  # the number of the log of the state on disk
        self._full = asyncio.Event()
        self._has_failed = False

    def load(self, ledger: Ledger, now: int) -> None:
        """Put the usage on disk into a ledger, and begin to store."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = file_lock.acquire(self._folder / "lock")
        except OSError as error:
            log.warning("usage is not stored on disk, a restart may lose some", reason=str(error))
            return
        state = self._stored()
        if state is not None:
            self.replica = state.replica
            self._restore(ledger, state)
        self._replay(ledger, 0 if state is None else state.log)
        self._write_state(self._begin(ledger, now))

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

    async def run(self, ledger: Ledger, clock: Callable[[], int]) -> None:
        """Write a state now and then, so that logs do not grow without end."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await self._full.wait()
            self._full.clear()
            if self._log is not None and self._log.used:
                await asyncio.to_thread(self._write_state, self._begin(ledger, clock()))

    def close(self, ledger: Ledger, now: int) -> None:
        """Write the last state."""
        if self._log is not None:
            self._write_state(self._begin(ledger, now))
            self._log.close()
            self._log = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # ---------------------------------------------------------------- reading

    def _stored(self) -> _State | None:
        try:
            return _read_state(regular_file.read_bytes(self._folder / "state.json"))
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            log.error("stored usage cannot be read, beginning anew", reason=str(error))
            return None

    def _restore(self, ledger: Ledger, state: _State) -> None:
        for part, replica, usage in state.usages:
            with contextlib.suppress(ValueError):  # of another version
                ledger.restore(part, replica, usage)

    def _replay(self, ledger: Ledger, first: int) -> None:
        """Count what is in the logs. The last line of each may be incomplete."""
        for number in sorted(self._numbers()):
            self._number = max(self._number, number)
            if number < first:
                continue
            for line in lines_of(regular_file.read_bytes(self._path(number))):
                with contextlib.suppress(msgspec.MsgspecError, ValueError):
                    when, tokens, nano_usd, meters = _read_line(line)
                    counts = {TOKENS: tokens, NANO_USD: nano_usd}
                    for name, window, fields in meters:
                        ledger.count_again(Counted(name, window, {one: counts.get(one, 1) for one in fields}), when)

    def _numbers(self) -> Iterator[int]:
        for file in self._folder.iterdir():
            if (match := _LOG.fullmatch(file.name)) is not None:
                yield int(match[1])

    # ---------------------------------------------------------------- writing

    def _begin(self, ledger: Ledger, now: int) -> _State | None:
        """Begin a new log. Returns what has been counted before it; None if that fails."""
        return _State(self.replica, self._number, list(ledger.usages(now))) if self._begin_log() else None

    def _begin_log(self) -> bool:
        try:
            new = UsageLog(self._path(self._number + 1), _LOG_BYTES)
        except OSError as error:
            self._failed(error)
            return False
        if self._log is not None:
            self._log.close()
        self._log, self._number, self._has_failed = new, self._number + 1, False
        return True

    def _write_state(self, state: _State | None) -> None:
        """Write a state, then remove the logs that are in it. Does nothing if a later one has been written."""
        if state is None:
            return
        with self._writing:
            if state.log < self._written:
                return
            try:
                atomic_file.write(self._folder / "state.json", _write(state), _MODE)
                self._written = state.log
                for number in list(self._numbers()):
                    if number < state.log:
                        self._path(number).unlink(missing_ok=True)
            except OSError as error:
                self._failed(error)

    def _failed(self, error: OSError) -> None:
        if not self._has_failed:
            self._has_failed = True
            log.error("usage cannot be stored on disk, a restart may lose some", reason=str(error))

    def _path(self, number: int) -> Path:
        return self._folder / f"log-{number}.jsonl"
