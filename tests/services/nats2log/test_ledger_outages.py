"""Ledgers whose databases are away for minutes while records arrive: nothing is lost, and the memory does not grow.

Three ledgers read one record stream: PostgreSQL is killed, a SQLite file is locked by someone else, and another one
is on a disk that is full. `make soak` takes ten minutes (`LEDGER_OUTAGE_SECONDS`) with 50 records a second
(`LEDGER_OUTAGE_RATE`). The tests of the sink (`sinks/test_sql.py`) cover the same briefly.
"""

import asyncio
import json
import os
import random
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gecholog.ledger import queries
from gecholog.ledger.database import open_reader
from gecholog.ledger.filters import CallFilter, TimeRange
from gecholog.ledger.location import locate
from tests.services.nats2log.test_ledger import made_record
from tests.support.postgres import Postgres, programs

SECONDS = float(os.environ.get("LEDGER_OUTAGE_SECONDS", "600"))
RATE = int(os.environ.get("LEDGER_OUTAGE_RATE", "50"))
EVER = CallFilter(TimeRange(0, 4 * 10**15))
MIB = 1024 * 1024
_MOST_GROWTH = 48 * MIB  # a buffer of records is 16 MiB, and what is being tried another
_SAMPLES = 20

pytestmark = [pytest.mark.soak, pytest.mark.timeout(SECONDS + 600)]


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("cannot mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", folder], check=False)


@pytest.fixture
def postgres():
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    server = Postgres()
    server.start()
    yield server
    server.remove()


class Records:
    """Publishes records at a steady rate."""

    def __init__(self, stream):
        self._stream = stream
        self._random = random.Random(7)
        self.count = self.tokens = 0

    async def publish(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        due = time.monotonic()
        while time.monotonic() < end:
            batch = [made_record(self._random) for _ in range(10)]
            puts = [self._put(record, number) for number, record in enumerate(batch, self.count)]
            await asyncio.gather(*puts)
            self.count += len(batch)
            self.tokens += sum(record["usage"].get("total_tokens", 0) for record in batch)
            due += len(batch) / RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _put(self, record, number):
        return self._stream.put(json.dumps(record).encode(), f"{number:032x}")


def rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_databases_that_are_away(
    postgres, run_service, config_for, nats_server, bus, stream, tmp_path, small_disk
):
    urls = {
        "down": postgres.create("ledger"),
        "locked": f"sqlite://{tmp_path}/locked.db",
        "full": f"sqlite://{small_disk}/full.db",
    }
    sinks = {}
    for alias, url in urls.items():
        config = config_for(nats_server, mode="sql_writer", sql_writer={"url": url, "retention_days": 0})
        config["service_bus"]["topic"] = f"coburn.gl.{alias}"
        sinks[alias] = run_service("services.nats2log", config, alias=alias, home=tmp_path / alias)
        await sinks[alias].logged("listening for messages")
    records = Records(stream)
    await records.publish(20)
    for alias in urls:
        await _acknowledged(stream, alias)
    before = {alias: rss(sink.pid) for alias, sink in sinks.items()}
    known = records.count

    await asyncio.to_thread(postgres.kill)
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file, suppress(OSError):
        while True:
            os.write(file.fileno(), bytes(65536))
    with closing(sqlite3.connect(tmp_path / "locked.db", isolation_level=None, timeout=60)) as other:
        other.execute("BEGIN EXCLUSIVE")
        most = dict(before)
        for _ in range(_SAMPLES):
            await records.publish(SECONDS / _SAMPLES)
            for alias, sink in sinks.items():
                most[alias] = max(most[alias], rss(sink.pid))
        lags = {alias: await _status(bus, alias) for alias in sinks}
        other.execute("ROLLBACK")
    ballast.unlink()
    await asyncio.to_thread(postgres.start)
    ended = time.monotonic()

    arrived = records.count - known
    for alias, status in lags.items():
        assert status["outage"], alias
        assert status["lag"] >= arrived * 0.95, alias  # some came before the disk was full and the lock was held
    for alias, sink in sinks.items():
        await _acknowledged(stream, alias)
        print(  # noqa: T201 - the figures of the long form
            f"\n{alias}: {arrived} records in {SECONDS:.0f} s without the database ({lags[alias]['outage']}), lag "
            f"{lags[alias]['lag']}; RSS {before[alias] / MIB:.0f} -> at most {most[alias] / MIB:.0f} MiB, then "
            f"{rss(sink.pid) / MIB:.0f}; all written {time.monotonic() - ended:.0f} s after it was back"
        )
    for alias, url in urls.items():
        async with open_reader(locate(url)) as ledger:
            totals = await queries.totals(ledger, EVER)
        assert (totals.calls, totals.total_tokens) == (records.count, records.tokens), alias
        assert most[alias] - before[alias] < _MOST_GROWTH, alias
        assert (await _status(bus, alias))["lag"] == 0


async def _acknowledged(stream, consumer):
    while await stream.unacknowledged(consumer):  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.2)


async def _status(bus, alias):
    return json.loads(await bus.request(f"coburn.gl.{alias}.status", b"", 10))
