"""The SQLite file, used from one thread of its own: nothing of it blocks the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from gecholog.errors import GechologError

T = TypeVar("T")

_MODE = 0o600
_BUSY_S = 5.0  # seconds to wait for another process that writes, such as `--reset-admin`

_MIGRATIONS = (
    """
    CREATE TABLE users (
        name TEXT PRIMARY KEY,
        role TEXT NOT NULL,
        password TEXT NOT NULL,
        must_change INTEGER NOT NULL,
        managed INTEGER NOT NULL,
        payloads INTEGER NOT NULL,
        disabled INTEGER NOT NULL,
        created REAL NOT NULL,
        last_sign_in REAL NOT NULL
    ) STRICT;
    CREATE TABLE sessions (
        hash BLOB PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        user TEXT NOT NULL REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE,
        created REAL NOT NULL,
        seen REAL NOT NULL,
        address TEXT NOT NULL,
        agent TEXT NOT NULL
    ) STRICT;
    CREATE TABLE tokens (
        id TEXT PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE,
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        made_by TEXT NOT NULL,
        created REAL NOT NULL,
        expires REAL NOT NULL,
        used REAL NOT NULL
    ) STRICT;
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time REAL NOT NULL,
        actor TEXT NOT NULL,
        address TEXT NOT NULL,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        before TEXT NOT NULL,
        after TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT;
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    """,
    # Names can be used again, so tokens belong to the id of who has made them. Whose maker has gone, goes as well.
    """
    ALTER TABLE users ADD COLUMN id TEXT NOT NULL DEFAULT '';
    UPDATE users SET id = lower(hex(randomblob(6)));
    CREATE UNIQUE INDEX users_by_id ON users (id);
    ALTER TABLE tokens ADD COLUMN maker TEXT NOT NULL DEFAULT '';
    UPDATE tokens SET maker = 'user ' || (SELECT users.id FROM users WHERE users.name = made_by)
        WHERE made_by IN (SELECT users.name FROM users);
    UPDATE tokens SET maker = 'token ' || (SELECT one.id FROM tokens AS one WHERE 'token ' || one.name = tokens.made_by)
        WHERE (SELECT count(*) FROM tokens AS one WHERE 'token ' || one.name = tokens.made_by) = 1;
    DELETE FROM tokens WHERE maker = '';
    CREATE INDEX tokens_by_maker ON tokens (maker);
    """,
)
"""Each brings the file from the version of its place to the next. Never change one that was released."""


class StoreError(GechologError):
    """The store cannot be used."""


class Database:
    """The file. `run` executes a function with the connection, in a transaction; functions run one after another."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._thread = ThreadPoolExecutor(1, "store")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, or create it with mode 0600. Raises StoreError."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.open_here)

    def open_here(self) -> None:
        """The same without an event loop, for commands: `run_here` is used with it."""
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _MODE))
            self.file.chmod(_MODE)
            self._connection = _connect(self.file)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{self.file} cannot be used: {error}") from error

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work`, whose changes are stored as a whole. Raises StoreError, and what `work` raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.run_here, work)

    def run_here(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The same in the calling thread."""
        if self._connection is None:
            raise StoreError(f"{self.file} is not open")
        try:
            with self._connection:
                return work(self._connection)
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise StoreError(f"{self.file} cannot be used: {error}") from error

    async def close(self) -> None:
        """Close the file when everything that runs is done."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self.close_here)
        self._thread.shutdown()

    def close_here(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=_BUSY_S, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(_MIGRATIONS):
        connection.close()
        raise StoreError(
            f"{file} was written by a newer version of gecholog: run that one, or put an older copy in its place"
        )
    for number in range(version, len(_MIGRATIONS)):
        connection.executescript(f"BEGIN; {_MIGRATIONS[number]} PRAGMA user_version = {number + 1}; COMMIT;")
    return connection
