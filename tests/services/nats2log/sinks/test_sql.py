"""The ledger sink in both databases: what it stores, and what it does when the database fails."""

import asyncio
import json
import os
import re
import secrets
import sqlite3
import subprocess
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from gecholog.ledger import queries
from gecholog.ledger.database import open_reader
from gecholog.ledger.errors import LedgerError
from gecholog.ledger.filters import CallFilter, TimeRange
from gecholog.ledger.location import locate
from gecholog.ledger.migrate import newest
from gecholog.tls import OutboundTls
from services.nats2log.entry import RecordEntry
from services.nats2log.sinks import sql
from services.nats2log.sinks.sink import FaultKind
from services.nats2log.sql_writer import SqlWriter
from tests.support.postgres import Postgres, programs

PAGE = Path(__file__).parents[4] / "docs" / "records.md"
RECORD = json.loads(
    re.search(r"## What a record looks like\n\n```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[1]
)
RECORD["ingress_egress_timer"] = {"start": "2020-02-29T09:28:20.162Z", "stop": "2020-02-29T09:28:21Z", "duration": 838}
ALL = CallFilter(TimeRange(0, 4 * 10**15))


def entry(number, **changes):
    data = json.dumps(RECORD | changes).encode()
    return RecordEntry(data, f"{number:032x}", "reply", f"{number + 1}-0")


@pytest.fixture
def postgres():
    """A PostgreSQL server of this test's own, because it is killed."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    server = Postgres()
    server.start()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request, tmp_path):
    if request.param == "sqlite":
        return locate(f"sqlite://{tmp_path}/data/ledger.db")
    return locate(request.getfixturevalue("postgres").create(f"l{secrets.token_hex(4)}"))


@pytest.fixture
async def open_sink():
    """Opens sinks that are closed after the test."""
    opened = []

    async def start(location, **settings):
        # the record is older than any retention
        sink = sql.make(SqlWriter(location, 0, 0, **settings), OutboundTls())
        opened.append(sink)
        await sink.open()
        return sink

    yield start
    for sink in opened:
        await sink.close()


async def test_a_row_for_each_record_once(open_sink, location):
    sink = await open_sink(location)
    assert await sink.write([entry(number) for number in range(30)]) == []
    assert await sink.write([entry(number) for number in range(20, 40)]) == []
    async with open_reader(location) as ledger:
        assert (await queries.totals(ledger, ALL)).calls == 40
        found = await queries.call_by_id(ledger, f"{7:032x}")
        assert found.call.stream_sequence == 8
        assert (found.request_payload, found.response_payload) == (None, None)
        assert (await queries.call_by_id(ledger, RECORD["transaction_id"])).call.id == f"{39:032x}"


@pytest.mark.parametrize("data", [b"[1]", b'{"session_id": "\xff"}'], ids=["list", "no-utf8"])
async def test_what_is_not_a_record_is_rejected_alone(open_sink, location, data):
    sink = await open_sink(location)
    bad = RecordEntry(data, "x", "reply", "9-0")
    failures = await sink.write([entry(1), bad, entry(2)])
    assert [(failure.entry, failure.fault.kind) for failure in failures] == [(bad, FaultKind.REJECTED)]
    async with open_reader(location) as ledger:
        assert (await queries.totals(ledger, ALL)).calls == 2


async def test_a_number_that_the_database_cannot_store_is_rejected_alone(open_sink, location):
    sink = await open_sink(location)
    bad = replace(entry(2), key=f"{2**70}-0")
    failures = await sink.write([entry(1), bad, entry(3)])
    assert [(failure.entry, failure.fault.kind) for failure in failures] == [(bad, FaultKind.REJECTED)]
    async with open_reader(location) as ledger:
        assert (await queries.totals(ledger, ALL)).calls == 2


async def test_a_text_that_postgresql_refuses_is_rejected_alone(open_sink, postgres):
    location = locate(postgres.create("ledger"))
    sink = await open_sink(location)
    postgres.psql("ALTER TABLE calls ALTER COLUMN transaction_id TYPE VARCHAR(100)", "ledger")
    bad = entry(2, transaction_id="x" * 150)
    failures = await sink.write([entry(1), bad, entry(3)])
    assert [(failure.entry, failure.fault.kind) for failure in failures] == [(bad, FaultKind.REJECTED)]


async def test_payloads_only_if_asked_for_and_up_to_a_size(open_sink, location):
    sink = await open_sink(location, store_payloads=True, payload_max_bytes=2000, payload_retention_days=0)
    long = RECORD["request"] | {"ingress_payload": {"model": "m", "text": "x" * 4000}}
    await sink.write([entry(1), entry(2, request=long)])
    async with open_reader(location) as ledger:
        found = await queries.call_by_id(ledger, f"{1:032x}")
        assert json.loads(found.request_payload) == RECORD["request"]["ingress_payload"]
        assert json.loads(found.response_payload) == RECORD["response"]["inbound_payload"]
        assert (await queries.call_by_id(ledger, f"{2:032x}")).request_payload is None


async def test_old_rows_are_deleted_in_the_background(open_sink, location):
    sink = await open_sink(location)
    await sink.write([entry(number) for number in range(5)])
    await sink.close()
    other = sql.make(SqlWriter(location, 1, 1), OutboundTls())
    await other.open()
    async with open_reader(location) as ledger:
        while (await queries.totals(ledger, ALL)).calls:  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)
    assert await other.write([entry(7)]) == []  # it comes too late, and is not counted
    async with open_reader(location) as ledger:
        assert (await queries.totals(ledger, ALL)).calls == 0
    await other.close()


async def test_a_newer_schema_ends_the_start(open_sink, location):
    await (await open_sink(location)).close()
    if location.file:
        with closing(sqlite3.connect(location.file)) as connection, connection:
            connection.execute("UPDATE ledger_meta SET value = ?", [newest() + 1])
        with pytest.raises(LedgerError, match="newer gecholog"):
            await open_sink(location)


async def test_a_locked_database_is_an_outage(open_sink, tmp_path):
    location = locate(f"sqlite://{tmp_path}/ledger.db")
    sink = await open_sink(location)
    with closing(sqlite3.connect(location.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        failures = await sink.write([entry(1), entry(2)])
        other.execute("ROLLBACK")
    assert {(failure.fault.kind, failure.fault.reason) for failure in failures} == {
        (FaultKind.OUTAGE, "database is locked")
    }
    assert await sink.write([entry(1), entry(2)]) == []


async def test_a_database_that_is_killed_is_an_outage_until_it_is_back(open_sink, postgres):
    location = locate(postgres.create("ledger"))
    sink = await open_sink(location)
    assert await sink.write([entry(1)]) == []
    postgres.kill()
    for _ in range(3):
        failures = await sink.write([entry(2), entry(3)])
        assert {failure.fault.kind for failure in failures} == {FaultKind.OUTAGE}
        assert "ledger" not in failures[0].fault.reason.replace("gecholog ledger", "")
    postgres.start()
    assert await sink.write([entry(1), entry(2), entry(3)]) == []
    async with open_reader(location) as ledger:
        assert (await queries.totals(ledger, ALL)).calls == 3


async def test_a_database_that_is_down_at_the_start(open_sink, postgres):
    location = locate(postgres.create("ledger"))
    postgres.stop()
    sink = await open_sink(location)
    assert [failure.fault.kind for failure in await sink.write([entry(1)])] == [FaultKind.OUTAGE]
    postgres.start()
    assert await sink.write([entry(1)]) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB; skipped where mounting is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("cannot mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", folder], check=False)


async def test_a_full_disk_is_an_outage_until_there_is_space(open_sink, small_disk):
    location = locate(f"sqlite://{small_disk}/ledger.db")
    sink = await open_sink(location)
    assert await sink.write([entry(1)]) == []
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file, suppress(OSError):
        while True:
            os.write(file.fileno(), bytes(4096))
    failures = await sink.write([entry(number) for number in range(2, 500)])
    assert {failure.fault.kind for failure in failures} == {FaultKind.OUTAGE}
    ballast.unlink()
    assert await sink.write([entry(number) for number in range(2, 100)]) == []
    async with open_reader(location) as ledger:
        assert (await queries.totals(ledger, ALL)).calls == 99


async def test_a_file_that_is_deleted_is_an_outage_and_is_created_again(open_sink, tmp_path):
    location = locate(f"sqlite://{tmp_path}/data/ledger.db")
    sink = await open_sink(location)
    assert await sink.write([entry(1)]) == []
    for file in location.file.parent.iterdir():
        file.unlink()
    failures = await sink.write([entry(2)])
    assert [failure.fault.kind for failure in failures] == [FaultKind.OUTAGE]
    assert await sink.write([entry(2)]) == []
    async with open_reader(location) as ledger:
        assert (await queries.totals(ledger, ALL)).calls == 1


def test_the_password_is_a_secret():
    writer = SqlWriter.of({"url": "postgresql://u:hidden@db/x"})
    assert "hidden" in writer.secrets
    assert "hidden" not in repr(writer)


def test_an_update_of_the_schema_shows_how_far_it_is_once_it_takes_seconds(monkeypatch):
    lines, now = [], [100.0]
    seen = SimpleNamespace(info=lambda message, **fields: lines.append((message, fields)))
    monkeypatch.setattr(sql, "log", seen)
    progress = sql.Progress(lambda: now[0])
    for number, at in enumerate((100.0, 102.9, 103.1, 104.0, 107.0), 1):
        now[0] = at
        progress.began(3, number, 9)
    assert [fields["step"] for _, fields in lines] == ["3 of 9", "5 of 9"]
    assert lines[0] == ("updating the ledger", {"schema_version": 3, "step": "3 of 9"})
