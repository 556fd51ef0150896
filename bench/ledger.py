"""Measures how fast the ledger answers: `python -m bench.ledger [--rows N] [--days N] [--ledger URL]`.

A ledger is filled with made calls of a company with 40 client keys and 12 models. Each question of a dashboard is asked
several times for ranges from 15 minutes to 90 days. Without `--ledger`, it is a SQLite file in a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gecholog.ledger import queries
from gecholog.ledger.database import Database, open_reader, open_writer
from gecholog.ledger.filters import SECOND_US, CallFilter, Dimension, TimeRange
from gecholog.ledger.histogram import bucket_of
from gecholog.ledger.location import Location, locate
from gecholog.ledger.outcome import error_class_of
from gecholog.ledger.queries import Order
from gecholog.ledger.rows import DAY_US, AttemptRow, CallRow
from gecholog.service import settle_the_collector

_BATCH = 1000
_MODELS = tuple(
    (provider, f"{provider}-{size}") for provider in ("openai", "anthropic", "azure", "ollama") for size in range(3)
)
_ROUTERS = ("/v1/", "/service/support/", "/service/search/", "/service/code/", "/batch/")
_STATUSES = (200,) * 94 + (429, 429, 500, 503, 401, 400)
END_US = 1_790_000_000 * SECOND_US + 1_234_567
RANGES = {"15 m": (900, 60), "1 h": (3600, 60), "24 h": (86_400, 3600), "7 d": (7 * 86_400, 3600)}
RANGES |= {"30 d": (30 * 86_400, 86_400), "90 d": (90 * 86_400, 86_400)}
ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Tokyo", "Asia/Kolkata", "Asia/Kathmandu")
_OF_DAYS = (None, Dimension.MODEL, Dimension.OWNER)


class Company:
    """Who calls what: a few keys make most calls, and each uses one router, rarely two, and one to three models."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._clients = [self._client(number) for number in range(40)]
        self._weights = list(itertools.accumulate(1 / (number + 1) for number in range(40)))

    def _client(self, number: int) -> dict[str, Any]:
        rng = self._random
        owner = f"team-{number % 7}"
        tags = tuple(sorted(rng.sample(("prod", "test", "batch", "eu", "us"), rng.randrange(3))))
        known = {"client_key": f"k{number:07d}", "client_name": f"app {number}", "owner": owner, "tags": tags}
        models = rng.sample(_MODELS, rng.randrange(1, 4))
        return {"known": known, "models": models, "routers": rng.choices(_ROUTERS, k=rng.choice((1, 1, 1, 2)))}

    def calls(self, count: int, start_us: int, end_us: int) -> Iterator[CallRow]:
        """Calls in the order of time; there are three times as many at noon as at midnight."""
        at = float(start_us)
        mean = (end_us - start_us) / count
        for number in range(count):
            busy = 1 - 0.5 * math.cos(2 * math.pi * (at % DAY_US) / DAY_US)
            at += self._random.expovariate(1) * mean / busy
            yield self._call(number, min(int(at), end_us - 1))

    def _call(self, number: int, started_us: int) -> CallRow:
        rng = self._random
        client = rng.choices(self._clients, cum_weights=self._weights)[0]
        (provider, model), router, status = (
            rng.choice(client["models"]),
            rng.choice(client["routers"]),
            rng.choice(_STATUSES),
        )
        good, sent = status == 200, status != 401  # noqa: PLR2004
        prompt, completion = rng.randrange(20_000), rng.randrange(2000)
        duration = int(rng.lognormvariate(14, 0.8))
        attempt = AttemptRow(
            1,
            router,
            provider,
            model,
            "api.example.com",
            status,
            "",
            started_us,
            duration - 900,
            prompt,
            completion,
            None,
        )
        return CallRow(
            id=f"{4711:016x}{number:016x}",  # as of one gateway
            stream_sequence=number,
            started_us=started_us,
            session_id=f"TST00001_{started_us * 1000}_{number}_0",
            transaction_id=f"TST00001_{started_us * 1000}_{number}_0",
            router=router,
            method="POST",
            endpoint="chat/completions",
            **client["known"],
            requested_model=model,
            provider=provider if sent else "",
            model=model if sent else "",
            status=status,
            status_class=status // 100,
            error_class=error_class_of(status, status, sent=sent, completed=True, client_left=False),
            streamed=rng.random() < 0.5,  # noqa: PLR2004
            completed=True,
            attempt_count=int(sent),
            usage_source="provider" if good else "none",
            prompt_tokens=prompt if good else None,
            completion_tokens=completion if good else None,
            total_tokens=prompt + completion if good else None,
            cached_tokens=prompt // 3 if good else None,
            cache_creation_tokens=0 if good else None,
            reasoning_tokens=completion // 4 if good else None,
            cost_pico=(prompt * 25 + completion * 100) * 100_000 if good else None,
            extra_cost_pico=0,
            price_version="2026-11-30" if good else "",
            duration_us=duration,
            upstream_us=duration - 900,
            first_chunk_us=duration // 5,
            overhead_us=900,
            latency_bucket=bucket_of(duration),
            request_bytes=prompt * 4,
            response_bytes=completion * 4,
            failed_processors=(),
            attempts=(attempt,) if sent else (),
        )


async def fill(location: Location, count: int, days: int, end_us: int) -> None:
    """Insert calls that began in the last `days` before `end_us`, unless they are there."""
    ledger = open_writer(location)
    await ledger.migrate()
    if await queries.newest_number(ledger) < count:
        begin = time.perf_counter()
        calls = Company().calls(count, end_us - days * DAY_US, end_us)
        while batch := list(itertools.islice(calls, _BATCH)):
            await ledger.insert(batch)
        print(f"inserted {count:,} calls in {time.perf_counter() - begin:.0f} s", flush=True)
    await ledger.close()


Ask = Callable[[], Awaitable[Any]]


def questions(ledger: Database, range_: TimeRange, step: int) -> Iterator[tuple[str, Ask]]:
    """Every question of a dashboard: each without a filter, and with combinations of filters."""
    whole = CallFilter(range_)
    filters = {
        "": whole,
        "router": replace(whole, router="/v1/"),
        "client": replace(whole, client="k0000000"),
        "model": replace(whole, model="openai-0"),
        "status": replace(whole, status=429),
        "router+2xx": replace(whole, router="/v1/", status_class=2),
        "router+provider": replace(whole, router="/service/code/", provider="anthropic"),
        "client+model+200": replace(whole, client="k0000002", model="azure-1", status=200),
        "owner": replace(whole, owner="team-1"),
        "tag": replace(whole, tag="prod"),
        "failed": replace(whole, errors=True),
        "session": replace(whole, session="TST00001_1_1_0"),
    }
    for name, asked in filters.items():
        yield f"totals [{name}]", partial(queries.totals, ledger, asked)
        yield f"latency [{name}]", partial(queries.latency, ledger, asked)
        yield f"latency_series [{name}]", partial(queries.latency_series, ledger, asked, step)
        yield f"time_series [{name}]", partial(queries.time_series, ledger, asked, step)
        yield f"error_breakdown [{name}]", partial(queries.error_breakdown, ledger, asked)
        yield f"unpriced_models [{name}]", partial(queries.unpriced_models, ledger, asked)
        yield f"history [{name}]", partial(queries.history, ledger, asked)
        for by in Dimension:
            shown = f"{by.name.lower()} [{name}]"
            yield f"top {shown}", partial(queries.top, ledger, asked, by, Order.COST, rest=True)
            yield f"time_series {shown}", partial(queries.time_series, ledger, asked, step, by)
    if range_.hours >= 24:  # noqa: PLR2004
        for zone, group, name in itertools.product(ZONES, _OF_DAYS, ("", "client", "router+2xx")):
            shown = f"cost_by_day {zone} {group.name.lower() if group else ''} [{name}]"
            yield shown, partial(queries.cost_by_day, ledger, filters[name], ZoneInfo(zone), group)


async def measure(location: Location, repeat: int, worst: int) -> None:
    async with open_reader(location) as ledger:
        settle_the_collector()  # as services do when they have started
        (newest,) = (await queries.history(ledger, CallFilter(TimeRange(0, 2**62)), 1)).calls
        end_us = newest.started_us + 1
        print(f"{'':6} {'questions':>9} {'median ms':>10} {'p95 ms':>8} {'max ms':>8}   slowest")
        for shown, (seconds, step) in RANGES.items():
            found: dict[str, list[float]] = {}
            range_ = TimeRange(end_us - seconds * SECOND_US, end_us)
            for name, ask in questions(ledger, range_, step):
                await ask()
                for _ in range(repeat):
                    begin = time.perf_counter()
                    await ask()
                    found.setdefault(name, []).append((time.perf_counter() - begin) * 1e3)
            times = sorted(itertools.chain.from_iterable(found.values()))
            p95 = {name: sorted(one)[math.ceil(0.95 * len(one)) - 1] for name, one in found.items()}
            slowest = sorted(p95, key=lambda name: -p95[name])[:worst]
            print(
                f"{shown:6} {len(times):>9} {statistics.median(times):>10.1f} {times[int(len(times) * 0.95)]:>8.1f} "
                f"{times[-1]:>8.1f}   {', '.join(f'{name} {p95[name]:.0f}' for name in slowest)}",
                flush=True,
            )


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--ledger", metavar="URL", help="postgresql://… or sqlite:///PATH; it is filled if it is empty")
    parser.add_argument("--until", type=datetime.fromisoformat, metavar="TIME", help="when made calls end: ISO 8601")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--worst", type=int, default=3, metavar="N", help="questions to name for each range")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-ledger-") as folder:
        location = locate(arguments.ledger or f"sqlite://{Path(folder) / 'ledger.db'}")
        end_us = END_US if arguments.until is None else round(arguments.until.timestamp() * SECOND_US)
        await fill(location, arguments.rows, arguments.days, end_us)
        await measure(location, arguments.repeat, arguments.worst)


if __name__ == "__main__":
    asyncio.run(main())
