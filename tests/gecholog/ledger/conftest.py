"""Ledgers in both databases. What needs PostgreSQL is skipped where it is not installed."""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gecholog.ledger.database import Database, open_writer
from gecholog.ledger.location import Location, locate
from tests.support.postgres import Postgres, programs


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server that the tests of this process share. Each uses a database of its own."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    server = Postgres()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def sqlite_location(tmp_path: Path) -> Location:
    return locate(f"sqlite://{tmp_path}/data/ledger.db")


@pytest.fixture
def postgres_location(postgres: Postgres) -> Location:
    return locate(postgres.create(f"ledger_{secrets.token_hex(6)}"))


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest) -> Location:
    """An empty ledger, once for each database."""
    name = "sqlite_location" if request.param == "sqlite" else "postgres_location"
    found: Location = request.getfixturevalue(name)
    return found


@pytest.fixture
async def ledger(location: Location) -> AsyncIterator[Database]:
    """An open ledger with its schema, once for each database."""
    database = open_writer(location)
    await database.migrate()
    yield database
    with suppress(OSError):
        await database.close()
