"""SQLite and PostgreSQL with the same 100,000 rows give the same answers, byte for byte, and those that Python adds up.

`test_queries` asks the same of fewer rows, at every run.
"""

from dataclasses import replace

import pytest

from gecholog.ledger import queries
from gecholog.ledger.database import open_reader, open_writer
from gecholog.ledger.filters import CallFilter, TimeRange
from gecholog.ledger.rows import DAY_US, HOUR_US
from tests.support.ledger_calls import made_calls, matches, totals_of
from tests.support.ledger_questions import answers

COUNT = 100_000
START = 490_001 * HOUR_US + 77
END = START + 60 * DAY_US
INNER = CallFilter(TimeRange(START + 5 * DAY_US + 1234, END - 3 * DAY_US - 4321))
FILTERS = [
    INNER,
    CallFilter(TimeRange(START - DAY_US, END + DAY_US)),
    CallFilter(TimeRange(START + 20 * HOUR_US + 7, START + 22 * HOUR_US)),
    replace(INNER, router="/v1/", model="gpt-4o", status=200),
    replace(INNER, client="k2", errors=True),
    replace(INNER, tag="b", provider="openai"),
    replace(INNER, error_class="incomplete"),
    replace(INNER, session="S7"),
]

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]


async def test_the_same_bytes(sqlite_location, postgres_location):
    calls = list(made_calls(COUNT, START, END, seed=11))
    ids = [call.id for call in calls[:200]]
    found = []
    for location in (sqlite_location, postgres_location):
        writer = open_writer(location)
        await writer.migrate()
        for first in range(0, COUNT, 1000):
            await writer.insert(calls[first : first + 1000])
        await writer.close()
        async with open_reader(location) as ledger:
            found.append([one async for one in answers(ledger, FILTERS, ids)])
            for asked in FILTERS:
                assert await queries.totals(ledger, asked) == totals_of(call for call in calls if matches(call, asked))
    assert found[0] == found[1]
    print(f"\n{len(found[0])} answers of {sum(len(answer) for _, answer in found[0]):,} bytes are the same")  # noqa: T201 - the figure
