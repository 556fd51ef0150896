"""Inserts calls into PostgreSQL: each table takes all its rows of a batch in one prepared statement, as JSON.

Arrays of columns would do as well, but asyncpg looks at each of their values in Python, which costs several times as
much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from gecholog.ledger import insertions
from gecholog.ledger.call_groups import KEY_COLUMNS, GroupKey
from gecholog.ledger.group_numbers import GroupNumbers
from gecholog.ledger.insertions import Insertion, Row
from gecholog.ledger.migrate import GENERATION, PRUNED
from gecholog.ledger.rows import CallRow
from gecholog.ledger.stored_payloads import StoredPayloads


class PostgresStore:
    """Writes to a ledger in PostgreSQL, with connections of the engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._numbers = GroupNumbers()

    async def insert(self, calls: Iterable[CallRow], payloads: Mapping[str, StoredPayloads]) -> int:
        """Insert the calls that are new; returns their number. Raises asyncpg's errors and those of SQLAlchemy."""
        async with self._engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            async with driver.transaction():
                count, numbers, generation = await self._insert_new(driver, list(calls), payloads)
        self._numbers.learn(numbers, generation)
        return count

    async def close(self) -> None:
        """Nothing to do: the connections are those of the engine."""

    async def _insert_new(
        self, driver: Any, calls: Sequence[CallRow], payloads: Mapping[str, StoredPayloads]
    ) -> tuple[int, dict[GroupKey, int], int]:
        # shared: who deletes groups waits until this transaction has ended, and the numbers are valid so long
        meta = dict(await driver.fetch("SELECT name, value FROM ledger_meta FOR SHARE"))
        generation = meta.get(GENERATION, 0)
        by_id = insertions.candidates(calls, meta.get(PRUNED, 0))
        if not by_id:
            return 0, {}, generation
        numbers, unknown = self._numbers.of(insertions.groups_of(by_id.values()), generation)
        for key in unknown:
            made = await driver.fetchval(_sql(insertions.GROUP), _json(insertions.GROUP, [key]))
            numbers[key] = await driver.fetchval(_GROUP, *key) if made is None else made
        rows = _json(insertions.CALLS, insertions.rows_of_calls(by_id.values(), numbers))
        new = [by_id[row[0]] for row in await driver.fetch(_INSERT_NEW, rows)]
        if new:
            for insertion, others in insertions.rest_of(new, numbers, payloads):
                if others:
                    await driver.execute(_sql(insertion), _json(insertion, others))
        return len(new), numbers, generation


_GROUP = "SELECT id FROM call_groups WHERE " + " AND ".join(f"{name} = ${n}" for n, name in enumerate(KEY_COLUMNS, 1))  # noqa: S608 - names of columns


def _json(insertion: Insertion, rows: Sequence[Row]) -> str:
    """Rows as objects. Raises OverflowError for a number of more than 64 bits."""
    columns = insertion.columns
    try:
        return orjson.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=_bytes).decode()
    except TypeError as error:
        raise OverflowError(str(error)) from error


def _bytes(value: Any) -> str:
    if not isinstance(value, bytes):
        raise TypeError(type(value).__name__)
    return f"\\x{value.hex()}"


@cache
def _sql(insertion: Insertion) -> str:
    name, columns = insertion.table.name, ", ".join(insertion.columns)
    rows = f"json_populate_recordset(NULL::{name}, $1)"
    return f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {rows} {insertion.ending}"  # noqa: S608 - names of columns


_INSERT_NEW = f"{_sql(insertions.CALLS)} ON CONFLICT (id) DO NOTHING RETURNING id"
