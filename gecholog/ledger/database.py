"""Opens a ledger: connections to SQLite or PostgreSQL with the settings that the ledger needs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from gecholog.ledger import migrate
from gecholog.ledger.errors import LedgerError
from gecholog.ledger.known_groups import KnownGroups
from gecholog.ledger.location import Location, why_unfit
from gecholog.ledger.postgres_store import PostgresStore
from gecholog.ledger.rows import CallRow
from gecholog.ledger.sqlite_store import SqliteStore
from gecholog.ledger.stored_payloads import StoredPayloads

_BUSY_MS = 5000  # how long SQLite waits for another writer
_CONNECT_S, _COMMAND_S = 5.0, 60.0
_READERS = 4
_POSTGRES_NAME = {"application_name": "gecholog ledger"}
_POSTGRES_SETTINGS = {"jit": "off"}
# A plan for any range would be made after the fifth question, and reads whole tables. Rows are joined to lists of a few
# hundred numbers, for which PostgreSQL would sort all rows.
_POSTGRES_READER_SETTINGS = _POSTGRES_SETTINGS | {
    "plan_cache_mode": "force_custom_plan",
    "enable_mergejoin": "off",
    "work_mem": "32MB",
}
_OWNER_ONLY = 0o600
_WAL_BYTES = 64 * 1024 * 1024  # what a long transaction leaves of the WAL is cut to this
_WRITER_SETTINGS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    f"PRAGMA journal_size_limit={_WAL_BYTES}",
    "PRAGMA cache_size=-32768",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA secure_delete=ON",
)
# Sorting all calls in memory would need 100 bytes for each.
_MIGRATION_SETTINGS = (*_WRITER_SETTINGS, "PRAGMA temp_store=FILE")
_READER_SETTINGS = ("PRAGMA query_only=ON", "PRAGMA temp_store=MEMORY")
_CACHE_KIB = 16 * 1024


class Database:
    """A ledger that is open. Use `insert` for calls, `reading` and `writing` for other transactions."""

    def __init__(self, engine: AsyncEngine, location: Location) -> None:
        self._engine = engine
        self.location = location
        self.groups = KnownGroups()
        self._snapshots = (
            engine if location.file is not None else engine.execution_options(isolation_level="REPEATABLE READ")
        )
        self._store = (
            PostgresStore(engine) if location.file is None else SqliteStore(location.file, _WRITER_SETTINGS, _BUSY_MS)
        )

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one state of the ledger, also over several statements."""
        async with self._snapshots.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at the end of the block."""
        async with self._engine.begin() as connection:
            yield connection

    async def insert(self, calls: Iterable[CallRow], payloads: Mapping[str, StoredPayloads] | None = None) -> int:
        """Insert calls in one transaction, and count those that are new in the roll-ups. Returns their number.

        Calls as old as those that the retention has deleted are left out: they may have been counted before. `payloads`
        are by the id of the call. Raises `DRIVER_ERRORS`.
        """
        return await self._store.insert(calls, payloads or {})

    async def migrate(self, progress: migrate.Progress = migrate.ignored) -> int:
        """Bring the schema up to date; returns the number of steps. Raises LedgerError, and what the driver raises.

        A step that fills new tables from millions of calls takes minutes. `progress` is told of its statements.
        """
        if self.location.file is not None:
            await self._engine.dispose()  # its connections may be to a file that was replaced
            _create_privately(self.location.file)
            patient = _sqlite(self.location.file, _MIGRATION_SETTINGS)
        else:
            patient = _postgresql(self.location, command_timeout_s=None)
        try:
            async with patient.begin() as connection:
                return await migrate.migrate(connection, progress)
        finally:
            await patient.dispose()

    async def close(self) -> None:
        await self._store.close()
        await self._engine.dispose()


def open_writer(location: Location) -> Database:
    """A ledger to write to. Nothing is connected yet. Raises LedgerError."""
    return Database(_sqlite(location.file, _WRITER_SETTINGS) if location.file else _postgresql(location), location)


@asynccontextmanager
async def open_reader(location: Location, cache_kib: int = _CACHE_KIB) -> AsyncIterator[Database]:
    """A ledger to ask. Raises LedgerError if there is none, or if its schema is not the one of this code.

    Each of its connections to a SQLite file keeps up to `cache_kib` KiB of the file in memory.
    """
    if location.file is not None and not location.file.exists():
        raise LedgerError(f"there is no ledger yet at {location.file}: nats2ledger creates it")
    settings = (*_READER_SETTINGS, f"PRAGMA cache_size=-{cache_kib}")
    engine = (
        _sqlite(location.file, settings, writes=False)
        if location.file
        else _postgresql(location, settings=_POSTGRES_READER_SETTINGS)
    )
    database = Database(engine, location)
    try:
        await _check(database)
        yield database
    finally:
        await database.close()


async def _check(database: Database) -> None:
    try:
        async with database.reading() as connection:
            await migrate.check(connection)
    except (DBAPIError, OSError) as error:
        raise LedgerError(f"cannot read the ledger {database.location.shown}: {reason_of(error)}") from error


DRIVER_ERRORS = (SQLAlchemyError, sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
"""What a database may raise, apart from Python's errors about a value."""


def reason_of(error: BaseException) -> str:
    """What a database says about an error, on one line: without the statement, and without values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    cause = cause.__cause__ or cause
    if isinstance(cause, OSError):
        return cause.strerror or str(cause) or type(cause).__name__
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]


# ---------------------------------------------------------------- SQLite


def _sqlite(file: Path, settings: Sequence[str], *, writes: bool = True) -> AsyncEngine:
    try:
        mounts = Path("/proc/self/mounts").read_text("utf-8", "replace")
    except OSError:
        mounts = ""
    if reason := why_unfit(file.resolve(), mounts):
        raise LedgerError(reason)
    pool: dict[str, Any] = {} if writes else {"pool_size": _READERS, "max_overflow": 0}
    engine = create_async_engine(f"sqlite+aiosqlite:///{file}", connect_args={"timeout": _BUSY_MS / 1000}, **pool)

    @event.listens_for(engine.sync_engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin below, not where the driver sees fit
        cursor = connection.cursor()
        for setting in settings:
            cursor.execute(setting)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begun(connection: Any) -> None:
        # A transaction that reads first and writes later would fail instead of waiting for another writer.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _create_privately(file: Path) -> None:
    """Create the file so that only its owner can read it, and protect one that exists. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            os.fchmod(descriptor, _OWNER_ONLY)
    finally:
        os.close(descriptor)


# ---------------------------------------------------------------- PostgreSQL


def _postgresql(
    location: Location,
    command_timeout_s: float | None = _COMMAND_S,
    settings: dict[str, str] = _POSTGRES_SETTINGS,
) -> AsyncEngine:
    url = make_url(location.url).set(drivername="postgresql+asyncpg")
    query = dict(url.query)
    secure = query.pop("sslmode", None)
    arguments: dict[str, Any] = {
        "timeout": _CONNECT_S,
        "command_timeout": command_timeout_s,
        "server_settings": _POSTGRES_NAME | settings,
    }
    if secure is not None:
        arguments["ssl"] = secure
    if query.pop("pgbouncer", None) is not None:
        return _pooled(url.set(query=query), arguments, settings)
    return create_async_engine(
        url.set(query=query), connect_args=arguments, pool_size=_READERS, max_overflow=0, pool_pre_ping=True
    )


def _pooled(url: URL, arguments: dict[str, Any], settings: dict[str, str]) -> AsyncEngine:
    """An engine for a pooler in transaction mode, where each transaction may have another connection of the server.

    Such a pooler refuses settings at the start of a connection, so each transaction makes its own. A prepared statement
    would stay on the server's connection, and its name could be taken there: they have none.
    """
    own = {
        "server_settings": _POSTGRES_NAME,
        "statement_cache_size": 0,
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": str,
    }
    engine = create_async_engine(url, connect_args={**arguments, **own}, poolclass=NullPool)
    made = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())

    @event.listens_for(engine.sync_engine, "begin")
    def _begun(connection: Any) -> None:
        connection.exec_driver_sql(f"SELECT {made}")

    return engine
