"""Inserts calls into SQLite: a transaction is one step of a thread of its own, with statements that stay prepared."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import orjson

from gecholog.ledger import insertions
from gecholog.ledger.call_groups import KEY_COLUMNS, GroupKey
from gecholog.ledger.group_numbers import GroupNumbers
from gecholog.ledger.insertions import Insertion
from gecholog.ledger.migrate import GENERATION, PRUNED
from gecholog.ledger.rows import CallRow
from gecholog.ledger.stored_payloads import StoredPayloads

_STATEMENTS = 64  # prepared ones; there are about twenty


class FileReplaced(OSError):
    """The file of the ledger was deleted or replaced while it was open: what is written to it would be lost."""


class SqliteStore:
    """Writes to the file of a ledger. One transaction at a time."""

    def __init__(self, file: Path, settings: Sequence[str], busy_ms: int) -> None:
        self._file = file
        self._settings = settings
        self._busy_ms = busy_ms
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._thread = ThreadPoolExecutor(1, "ledger writer")
        self._numbers = GroupNumbers()
        self._closed = False

    async def insert(self, calls: Iterable[CallRow], payloads: Mapping[str, StoredPayloads]) -> int:
        """Insert the calls that are new; returns their number. Raises sqlite3.Error, FileReplaced."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._insert, list(calls), payloads)

    async def close(self) -> None:
        """Close the file. Further calls do nothing."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
            self._thread.shutdown()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        identity = _identity_of(self._file)
        if self._connection is not None and identity != self._identity:
            self._disconnect()
            self._numbers = GroupNumbers()
            raise FileReplaced(errno.ESTALE, "the file of the ledger was deleted or replaced")
        if self._connection is None:
            connection = sqlite3.connect(
                self._file, timeout=self._busy_ms / 1000, isolation_level=None, cached_statements=_STATEMENTS
            )
            try:
                for setting in self._settings:
                    connection.execute(setting)
            except sqlite3.Error:
                connection.close()
                raise
            self._connection, self._identity = connection, _identity_of(self._file)
        return self._connection

    def _insert(self, calls: Sequence[CallRow], payloads: Mapping[str, StoredPayloads]) -> int:
        connection = self._connected()
        try:
            connection.execute("BEGIN IMMEDIATE")
            count, numbers, generation = self._insert_new(connection, calls, payloads)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._numbers.learn(numbers, generation)
        return count

    def _insert_new(
        self, connection: sqlite3.Connection, calls: Sequence[CallRow], payloads: Mapping[str, StoredPayloads]
    ) -> tuple[int, dict[GroupKey, int], int]:
        meta = dict(connection.execute("SELECT name, value FROM ledger_meta"))
        generation = meta.get(GENERATION, 0)
        by_id = insertions.candidates(calls, meta.get(PRUNED, 0))
        present = connection.execute(_PRESENT, [orjson.dumps(list(by_id)).decode()])
        for (call_id,) in present.fetchall():
            del by_id[call_id]
        if not by_id:
            return 0, {}, generation
        new = list(by_id.values())
        numbers, unknown = self._numbers.of(insertions.groups_of(new), generation)
        for key in unknown:
            made = connection.execute(_sql(insertions.GROUP), key).fetchone()
            numbers[key] = (made or connection.execute(_GROUP, key).fetchone())[0]
        connection.executemany(_sql(insertions.CALLS), insertions.rows_of_calls(new, numbers))
        for insertion, rows in insertions.rest_of(new, numbers, payloads):
            if rows:
                connection.executemany(_sql(insertion), rows)
        return len(new), numbers, generation


def _identity_of(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


_PRESENT = "SELECT id FROM calls WHERE id IN (SELECT value FROM json_each(?))"
_GROUP = f"SELECT id FROM call_groups WHERE {' AND '.join(f'{name} = ?' for name in KEY_COLUMNS)}"  # noqa: S608 - names of columns


@cache
def _sql(insertion: Insertion) -> str:
    marks = ", ".join("?" * len(insertion.columns))
    names = ", ".join(insertion.columns)
    return f"INSERT INTO {insertion.table.name} ({names}) VALUES ({marks}) {insertion.ending}"  # noqa: S608 - names of columns
