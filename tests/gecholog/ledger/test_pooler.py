"""A ledger in PostgreSQL behind a pooler in transaction mode."""

import pytest
from sqlalchemy import text

from gecholog.ledger import queries
from gecholog.ledger.database import open_reader, open_writer
from gecholog.ledger.errors import LedgerError
from gecholog.ledger.filters import CallFilter, Dimension, TimeRange
from gecholog.ledger.location import locate
from gecholog.ledger.rows import HOUR_US
from tests.support.ledger_calls import made_calls, totals_of
from tests.support.pooler import pooler

START = 500_000 * HOUR_US
WHOLE = CallFilter(TimeRange(START, START + 9 * HOUR_US))


async def test_a_pooler_is_written_to_and_read_from(postgres_location):
    calls = list(made_calls(100, START, START + 9 * HOUR_US))
    async with pooler(postgres_location.url) as relay:
        location = locate(relay.url(postgres_location.url, "pgbouncer=1"))
        writer = open_writer(location)
        await writer.migrate()
        assert await writer.insert(calls) == len(calls)
        await writer.close()
        async with open_reader(location) as ledger:
            assert await queries.totals(ledger, WHOLE) == totals_of(calls)
            assert len(await queries.top(ledger, WHOLE, Dimension.MODEL)) > 1
        assert relay.connections > 4
        assert (relay.refused, relay.named) == ([], [])


async def test_each_transaction_has_the_settings(postgres_location):
    async with pooler(postgres_location.url) as relay:
        location = locate(relay.url(postgres_location.url, "pgbouncer=1"))
        writer = open_writer(location)
        await writer.migrate()
        await writer.close()
        async with open_reader(location) as ledger:
            for _ in range(2):
                async with ledger.reading() as connection:
                    found = [
                        (await connection.execute(text(f"SHOW {name}"))).scalar_one()
                        for name in ("jit", "plan_cache_mode", "application_name")
                    ]
                    assert found == ["off", "force_custom_plan", "gecholog ledger"]


async def test_without_the_parameter_a_pooler_refuses(postgres_location):
    """So the relay is as strict as it has to be."""
    async with pooler(postgres_location.url) as relay:
        with pytest.raises(LedgerError, match="unsupported startup parameter"):
            async with open_reader(locate(relay.url(postgres_location.url, "sslmode=disable"))):
                pass
