"""Single calls: a history by pages, and one call with its attempts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Row, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gecholog.ledger.answers import Attempt, Call, CallDetail, Cursor, Page
from gecholog.ledger.call_groups import kept_ids
from gecholog.ledger.database import Database
from gecholog.ledger.filters import CallFilter, TimeRange
from gecholog.ledger.queries import conditions, lists
from gecholog.ledger.queries.busy_times import enough_since
from gecholog.ledger.stored_payloads import unpacked
from gecholog.ledger.tables import attempts, calls, payloads
from gecholog.ledger.texts import storable

MOST = 1000
"""Calls of one page."""

COLUMNS = [column for column in calls.columns if column.name not in {"number", "group_id"}]
_ATTEMPT_COLUMNS = [column for column in attempts.columns if column.name != "call_id"]


async def history(ledger: Database, asked: CallFilter, limit: int = 50, after: Cursor | None = None) -> Page:
    """A page of the calls of a filter, the latest first. `after` is the `next` of the page before.

    Calls that arrive meanwhile do not shift the pages. Raises ValueError for a limit that is not from 1 to `MOST`.
    """
    if not 1 <= limit <= MOST:
        raise ValueError(f"the limit of a page must be from 1 to {MOST}")
    async with ledger.reading() as connection:
        found = [call_of_row(row) for row in await _latest(ledger, connection, asked, limit + 1, after)]
    more = len(found) > limit
    page = tuple(found[:limit])
    return Page(page, Cursor(page[-1].started_us, page[-1].id) if more else None)


async def _latest(
    ledger: Database, connection: AsyncConnection, asked: CallFilter, limit: int, after: Cursor | None
) -> Sequence[Row[Any]]:
    started = calls.c.started_us
    ids = kept_ids((await ledger.groups.at(connection)).groups, asked)
    source: Any = calls
    since_us = asked.range.start_us
    if ids is not None:
        if not ids:
            return ()
        chosen = lists.numbers(connection.dialect.name, ("group_id",), ((one,) for one in ids))
        own: ColumnElement[Any] = calls.c.group_id
        if asked.session is None:
            end_us = asked.range.end_us if after is None else min(asked.range.end_us, after.started_us + 1)
            since_us = await enough_since(connection, ids, TimeRange(min(since_us, end_us), end_us), limit)
        else:
            own = own + 0  # calls are found by session
        source = chosen.join(calls, own == chosen.c.group_id)
    statement = select(*COLUMNS).select_from(source).where(started >= since_us, started < asked.range.end_us)
    statement = statement.where(*conditions.of_session(asked))
    if after is not None:
        statement = statement.where(_before(started, calls.c.id, after))
    statement = statement.order_by(started.desc(), calls.c.id.desc()).limit(limit)
    return (await connection.execute(statement)).all()


def _before(started: Any, call_id: Any, after: Cursor) -> Any:
    # `started <= …` alone lets the index begin at the right place
    return and_(started <= after.started_us, or_(started < after.started_us, call_id < after.id))


async def call_by_id(ledger: Database, call_id: str) -> CallDetail | None:
    """The call of a record id, else the latest call of a transaction id, which clients can repeat.

    None if there is none.
    """
    call_id = storable(call_id)
    async with ledger.reading() as connection:
        found = (await connection.execute(select(*COLUMNS).where(calls.c.id == call_id))).first()
        if found is None:
            same = select(*COLUMNS).where(calls.c.transaction_id == call_id)
            same = same.where(calls.c.session_id.in_(_sessions(call_id)))
            found = (
                await connection.execute(same.order_by(calls.c.started_us.desc(), calls.c.id.desc()).limit(1))
            ).first()
        if found is None:
            return None
        call = call_of_row(found)
        listed = await connection.execute(
            select(*_ATTEMPT_COLUMNS).where(attempts.c.call_id == call.id).order_by(attempts.c.number)
        )
        tried = tuple(Attempt(*row) for row in listed)
        stored = (
            await connection.execute(
                select(payloads.c.request, payloads.c.response).where(payloads.c.call_id == call.id)
            )
        ).first()
    request, response = (None, None) if stored is None else map(unpacked, stored)
    return CallDetail(call, tried, request, response)


def _sessions(transaction_id: str) -> tuple[str, ...]:
    """The sessions that a transaction id may belong to: its own number is the last part (docs/records.md)."""
    head, _, _ = transaction_id.rpartition("_")
    return (transaction_id, f"{head}_0")


def call_of_row(row: Any) -> Call:
    """The call of a row with `COLUMNS`."""
    fields = dict(row._mapping)  # noqa: SLF001 - public, in spite of its name
    fields["tags"] = tuple(orjson.loads(fields["tags"])) if fields["tags"] else ()
    failed = fields["failed_processors"]
    fields["failed_processors"] = tuple(orjson.loads(failed)) if failed else ()
    fields["streamed"], fields["completed"] = bool(fields["streamed"]), bool(fields["completed"])
    return Call(**fields)
