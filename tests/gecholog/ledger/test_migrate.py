"""The schema that the migrations make, and the lock under which they run."""

import asyncio
import secrets
import stat

import pytest
from sqlalchemy import inspect

from gecholog.ledger import migrate, tables
from gecholog.ledger.database import open_reader, open_writer
from gecholog.ledger.errors import LedgerError
from gecholog.ledger.location import locate
from gecholog.ledger.migrate import VERSION, newest, set_value


async def test_the_migrations_make_the_tables_of_the_code(ledger):
    def reflected(connection):
        found = inspect(connection)
        return {
            name: (
                [
                    (column["name"], column["nullable"] and column["name"] != "number")  # SQLite's are never null
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


async def test_several_writers_that_start_together_migrate_once(location):
    writers = [open_writer(location) for _ in range(4)]
    steps = await asyncio.gather(*(writer.migrate() for writer in writers))
    assert sorted(steps) == [0, 0, 0, newest()]
    for writer in writers:
        await writer.close()


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
