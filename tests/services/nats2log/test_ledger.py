"""The ledger as a process: a row for each record, to the last digit, whoever is killed meanwhile.

The records are made here, in the form that gl publishes, and go over the real bus. `make soak` takes 50,000.
"""

import asyncio
import json
import os
import random
import re
import secrets
from decimal import Decimal
from pathlib import Path

import pytest

from gecholog.ledger import queries
from gecholog.ledger.database import open_reader
from gecholog.ledger.filters import CallFilter, Dimension, TimeRange
from gecholog.ledger.location import locate
from gecholog.ledger.money import PICO
from tests.support.postgres import Postgres, programs

PAGE = Path(__file__).parents[3] / "docs" / "records.md"
RECORD = json.loads(
    re.search(r"## What a record looks like\n\n```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[1]
)
EVER = CallFilter(TimeRange(0, 4 * 10**15))
MANY = int(os.environ.get("LEDGER_RECORDS", "50000"))
FEW = 1500
_AT_ONCE = 50  # records that are published together


def made_record(rng):
    """A record of a call with random model, client, status, tokens and cost."""
    record = json.loads(json.dumps(RECORD))
    day, second = rng.randrange(1, 31), rng.randrange(60)
    start = (
        f"2026-11-{day:02d}T{rng.randrange(24):02d}:{rng.randrange(60):02d}:{second:02d}.{rng.randrange(10**9):09d}Z"
    )
    record["ingress_egress_timer"] = {"start": start, "stop": start[:17] + "59.999999999Z", "duration": 5}
    status = rng.choice([200] * 8 + [429, 500])
    record["response"]["egress_status_code"] = record["response"]["inbound_status_code"] = status
    record["request"]["attempts"] = [
        {
            "gl_path": "/v1/",
            "url": "http://api.test/v1",
            "provider": rng.choice(["a", "b"]),
            "model": rng.choice(["m1", "m2", "m3"]),
            "status_code": status,
            "timer": record["response"]["outbound_inbound_timer"],
        }
        for _ in range(rng.randrange(1, 3))
    ]
    prompt, completion = rng.randrange(10**5), rng.randrange(10**4)
    if status == 200:
        record["usage"] = {"source": "provider", "prompt_tokens": prompt, "completion_tokens": completion}
        record["usage"]["total_tokens"] = prompt + completion
        record["cost"] = {"usd": str(Decimal(rng.randrange(10**12)) / PICO), "prices": "2026-11-30"}
    else:
        record["usage"] = {"source": "none"}
    record["client"] = {"key": f"k{rng.randrange(20)}", "name": "n", "owner": f"o{rng.randrange(3)}", "tags": ["t"]}
    return record


class Sums:
    """What the records add up to."""

    def __init__(self):
        self.count = self.tokens = self.attempts = 0
        self.usd = Decimal(0)

    def add(self, record):
        self.count += 1
        self.tokens += record["usage"].get("total_tokens", 0)
        self.attempts += len(record["request"]["attempts"])
        self.usd += Decimal(record.get("cost", {}).get("usd", 0))


@pytest.fixture
def postgres():
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    server = Postgres()
    server.start()
    yield server
    server.remove()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
async def test_a_row_for_each_record_whoever_is_killed(
    request, run_service, config_for, nats_server, stream, tmp_path, database, count
):
    server = request.getfixturevalue("postgres") if database == "postgresql" else None
    urls = [server.create(f"l{n}") if server else f"sqlite://{tmp_path}/{n}.db" for n in range(2)]
    config = config_for(nats_server, mode="sql_writer", sql_writer={"url": urls[0], "retention_days": 0})

    def start(alias="nats2ledger", settings=config):
        return run_service("services.nats2log", settings, alias=alias)

    process = start()
    await process.logged("listening for messages")
    rng, sums = random.Random(secrets.randbits(64)), Sums()
    killed = 0
    for first in range(0, count, _AT_ONCE):
        records = [made_record(rng) for _ in range(_AT_ONCE)]
        for record in records:
            sums.add(record)
        puts = [stream.put(json.dumps(one).encode(), f"{number:032x}") for number, one in enumerate(records, first)]
        await asyncio.gather(*puts)
        if first // (count // 6) > killed:
            victim = ("sink", "bus", "database")[killed % 3]
            killed += 1
            if victim == "sink":
                process.kill()
                process = start()
            elif victim == "bus":
                await asyncio.to_thread(nats_server.kill)
                await asyncio.to_thread(nats_server.start)
            elif server:
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
    await _acknowledged(stream, "nats2ledger")
    first = await _contents(urls[0])
    assert first["sums"] == (sums.count, sums.tokens, int(sums.usd * PICO), sums.attempts)
    # the whole record log once more, into another ledger
    again = config_for(nats_server, mode="sql_writer", sql_writer={"url": urls[1], "retention_days": 0})
    await start("replay", again).logged("listening for messages")
    await _acknowledged(stream, "replay")
    assert await _contents(urls[1]) == first


async def _acknowledged(stream, consumer):
    while await stream.unacknowledged(consumer):  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.1)


async def _contents(url):
    """Sums from three roll-ups and all rows of a ledger."""
    async with open_reader(locate(url)) as ledger:
        totals = await queries.totals(ledger, EVER)
        for dimension in (Dimension.MODEL, Dimension.CLIENT, Dimension.STATUS):
            groups = await queries.top(ledger, EVER, dimension, limit=1000)
            assert sum(group.totals.cost_pico for group in groups) == totals.cost_pico
            assert sum(group.totals.calls for group in groups) == totals.calls
        rows, after, attempts = [], None, 0
        while True:
            page = await queries.history(ledger, EVER, 1000, after)
            rows += page.calls
            attempts += sum(call.attempt_count for call in page.calls)
            after = page.next
            if after is None:
                break
        return {"sums": (totals.calls, totals.total_tokens, totals.cost_pico, attempts), "rows": rows}


async def test_a_second_sink_of_the_same_alias_is_warned_of(run_service, config_for, nats_server, tmp_path):
    """Two sinks of one alias divide the records between them."""
    config = config_for(nats_server, mode="sql_writer", sql_writer={"url": f"sqlite://{tmp_path}/a.db"})
    first = run_service("services.nats2log", config, alias="nats2ledger")
    await first.logged("listening for messages")
    second = run_service("services.nats2log", config, alias="nats2ledger", home=tmp_path / "other")
    await second.logged("another sink has the same alias, each gets a part of the records")
    assert first.is_running
