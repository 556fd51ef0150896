"""The schema that the migrations make, and the lock under which they run."""

import asyncio
import secrets
import stat
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text

from gecholog.ledger import migrate, tables
from gecholog.ledger.database import open_reader, open_writer
from gecholog.ledger.errors import LedgerError
from gecholog.ledger.location import locate
from gecholog.ledger.migrate import VERSION, newest, set_value
from gecholog.ledger.rows import HOUR_US
from tests.support.ledger_calls import made_calls


async def test_the_migrations_make_the_tables_of_the_code(ledger):
    def reflected(connection):
        found = inspect(connection)
        return {
            name: (
                [
                    (
                        column["name"],
                        column["nullable"] and column["name"] not in {"number", "id"},
                    )  # SQLite's are never null
                    for column in found.get_columns(name)
                ],
                found.get_pk_constraint(name)["constrained_columns"],
            )
            for name in found.get_table_names()
        }

    async with ledger.reading() as connection:
        present = await connection.run_sync(reflected)
    wanted = {
        table.name: (
            [(column.name, bool(column.nullable)) for column in table.columns],
            [column.name for column in table.primary_key],
        )
        for table in tables.metadata.sorted_tables
    }
    del present["ledger_meta"]
    assert {name: (dict(columns), key) for name, (columns, key) in present.items()} == {
        name: (dict(columns), key) for name, (columns, key) in wanted.items()
    }


async def test_a_ledger_of_the_first_version_is_filled_from_its_calls(ledger, sqlite_location, postgres_location):
    """All tables have the same rows afterwards as in a ledger that had them from the start."""
    await ledger.insert(made_calls(400, HOUR_US * 500_000, HOUR_US * 500_070))
    sqlite_location.file.parent.mkdir(exist_ok=True)
    other = open_writer(sqlite_location if ledger.dialect == "postgresql" else postgres_location)
    async with ledger.reading() as source, other.writing() as target:
        await target.execute(
            text(f"CREATE TABLE ledger_meta (name {_text(other)} NOT NULL PRIMARY KEY, value BIGINT NOT NULL)")
        )
        script = (Path(migrate.__file__).parent / "migrations" / "0001.sql").read_text("utf-8")
        for statement in migrate.statements(script, other.dialect):
            await target.exec_driver_sql(statement)
        await set_value(target, VERSION, 1)
        for table in (tables.calls, *(rollup.hourly for rollup in (tables.ROUTERS, tables.MODELS, tables.CLIENTS))):
            columns = [column for column in table.columns if column.name != "group_id"]
            rows = (await source.execute(select(*columns))).mappings().all()
            names = ", ".join(column.name for column in columns)
            values = ", ".join(f":{column.name}" for column in columns)
            await target.execute(text(f"INSERT INTO {table.name} ({names}) VALUES ({values})"), [*map(dict, rows)])  # noqa: S608 - names of columns
    assert await other.migrate() == newest() - 1
    groups = [await _rows(one, tables.call_groups) for one in (ledger, other)]
    assert sorted(row[1:] for row in groups[0]) == sorted(row[1:] for row in groups[1])
    numbers = [{row[0]: row[1:] for row in found} for found in groups]
    for table in tables.metadata.sorted_tables:
        found = [await _rows(one, table) for one in (ledger, other)]
        if "group_id" in table.c:
            place = [column.name for column in table.columns].index("group_id")
            found = [
                [(*row[:place], known[row[place]], *row[place + 1 :]) for row in rows]
                for rows, known in zip(found, numbers, strict=True)
            ]
        if table.name not in {"call_groups", "attempts", "clients"}:
            assert sorted(map(str, found[0])) == sorted(map(str, found[1])), table.name
    await other.close()


def _text(database):
    return 'TEXT COLLATE "C"' if database.dialect == "postgresql" else "TEXT"


async def _rows(database, table):
    async with database.reading() as connection:
        return [tuple(row) for row in await connection.execute(select(table))]


async def test_several_writers_that_start_together_migrate_once(location):
    writers = [open_writer(location) for _ in range(4)]
    steps = await asyncio.gather(*(writer.migrate() for writer in writers))
    assert sorted(steps) == [0, 0, 0, newest()]
    for writer in writers:
        await writer.close()


async def test_each_statement_of_an_update_is_told(location):
    told = []
    database = open_writer(location)
    await database.migrate(lambda *one: told.append(one))
    await database.migrate(lambda *one: told.append(one))  # nothing to do
    await database.close()
    counts = {version: count for version, _, count in told}
    assert list(counts) == list(range(1, newest() + 1))
    assert told == [(version, number, count) for version, count in counts.items() for number in range(1, count + 1)]


async def test_a_newer_schema_is_refused(ledger, location):
    async with ledger.writing() as connection:
        await set_value(connection, VERSION, newest() + 1)
    with pytest.raises(LedgerError, match="newer gecholog"):
        await ledger.migrate()
    with pytest.raises(LedgerError, match="newer gecholog"):
        async with open_reader(location):
            pass


async def test_a_database_that_cannot_store_all_texts_is_refused(postgres):
    name = f"latin_{secrets.token_hex(6)}"
    postgres.psql(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    database = open_writer(locate(postgres.url(name)))
    with pytest.raises(LedgerError, match="the encoding LATIN1"):
        await database.migrate()
    await database.close()


async def test_a_reader_needs_a_ledger(sqlite_location, postgres_location):
    for location, reason in (
        (sqlite_location, "there is no ledger yet"),
        (postgres_location, "cannot read the ledger"),
    ):
        with pytest.raises(LedgerError, match=reason):
            async with open_reader(location):
                pass


async def test_only_its_owner_can_read_the_file(sqlite_location):
    file = sqlite_location.file
    file.parent.mkdir(parents=True)
    file.touch(mode=0o666)
    database = open_writer(sqlite_location)
    await database.migrate()
    async with database.writing() as connection:
        await set_value(connection, "x", 1)
        modes = [stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()]
    assert len(modes) == 3  # with the WAL and its index
    assert set(modes) == {0o600}
    await database.close()


def test_comments_are_left_out():
    assert migrate.statements("-- one; two\nSELECT {big};\n\nX", "sqlite") == ["SELECT INTEGER", "X"]
