"""Every question to a ledger about every filter, for tests that compare answers."""

from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from gecholog.ledger import queries
from gecholog.ledger.answers import Cursor, json_of
from gecholog.ledger.database import Database
from gecholog.ledger.filters import CallFilter, Dimension
from gecholog.ledger.queries import Order

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


async def answers(
    ledger: Database, filters: Sequence[CallFilter], ids: Sequence[str]
) -> AsyncIterator[tuple[str, bytes]]:
    """The answers as JSON, each with the question in words."""
    for asked in filters:
        for name, answer in _about(ledger, asked):
            yield f"{name} of {asked}", json_of(await answer)
    for call_id in ids:
        yield f"call_by_id {call_id}", json_of(await queries.call_by_id(ledger, call_id))
    found = await queries.choices(ledger)
    yield "choices", json_of({one.value: values for one, values in found.items()})


def _about(ledger: Database, asked: CallFilter) -> Iterator[tuple[str, Awaitable[Any]]]:
    middle = (asked.range.start_us + asked.range.end_us) // 2
    yield "totals", queries.totals(ledger, asked)
    yield "error_breakdown", queries.error_breakdown(ledger, asked)
    yield "unpriced_models", queries.unpriced_models(ledger, asked)
    yield "history", queries.history(ledger, asked, 300)
    yield "a later page of history", queries.history(ledger, asked, 20, Cursor(middle, "8"))
    yield "latency", queries.latency(ledger, asked)
    yield "latency_series", queries.latency_series(ledger, asked, 3600)
    yield "time_series", queries.time_series(ledger, asked, 900 if asked.range.hours < 24 else 3600)
    yield "since_number", queries.since_number(ledger, asked, 0)
    for dimension in Dimension:
        yield f"top {dimension}", queries.top(ledger, asked, dimension, Order.COST, 3, rest=True)
        yield f"time_series by {dimension}", queries.time_series(ledger, asked, 86_400, dimension)
        yield f"latency by {dimension}", queries.latency(ledger, asked, dimension)
    yield "top_tags", queries.top_tags(ledger, asked)
    for zone in ZONES:
        yield f"cost_by_day in {zone}", queries.cost_by_day(ledger, asked, ZoneInfo(zone), Dimension.MODEL)
