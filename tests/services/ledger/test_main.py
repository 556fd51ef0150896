"""The command on a ledger with some calls."""

import asyncio
import csv
import io
import json
import re
import sys
import time
from decimal import Decimal

import pytest

from gecholog.ledger import queries
from gecholog.ledger.database import open_writer
from gecholog.ledger.location import locate
from services.ledger import __main__ as command
from services.ledger.__main__ import main
from tests.support.ledger_calls import made_calls, totals_of
from tests.support.process import environment_of

NOW = int(time.time())
CALLS = tuple(made_calls(300, (NOW - 20 * 3600) * 10**6, (NOW - 60) * 10**6, seed=9))


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The config of a ledger with `CALLS`."""
    location = locate(f"sqlite://{tmp_path}/ledger.db")

    async def fill():
        database = open_writer(location)
        await database.migrate()
        await database.insert(CALLS)
        await database.close()

    asyncio.run(fill())
    monkeypatch.setenv("LEDGER_URL", f"sqlite://{tmp_path}/ledger.db")
    file = tmp_path / "nats2ledger_config.json"
    file.write_text(json.dumps({"mode": "sql_writer", "sql_writer": {"url": "${LEDGER_URL}", "retention_days": 90}}))
    return file


@pytest.fixture
def run(config, capsys):
    def started(*arguments, code=0):
        assert main(["-o", str(config), *arguments]) == code
        return capsys.readouterr()

    return started


def test_stats(run):
    totals = totals_of(CALLS)
    text = run("stats", "--by", "model").out
    assert f"{totals.calls:,}" in text
    assert f"{totals.total_tokens:,}" in text
    assert "gpt-4o-mini" in text
    assert "p95" in text
    assert "provider_failed" in text
    assert "\x1b" not in text
    assert json.loads(run("stats", "--json").out)["totals"]["cost_pico"] == totals.cost_pico


def test_stats_of_some_calls(run):
    found = json.loads(run("stats", "--json", "--client", "k1", "--errors", "--since", "30d").out)
    assert found["totals"]["calls"] == sum(call.client_key == "k1" and bool(call.error_class) for call in CALLS)


def test_tail_and_show(run):
    lines = run("tail", "-n", "5", "--utc").out.splitlines()
    latest = sorted(CALLS, key=lambda call: (call.started_us, call.id))[-5:]
    assert [line.split()[-1] for line in lines] == [call.id for call in latest]
    text = run("show", latest[-1].id).out
    assert latest[-1].session_id in text
    assert json.loads(run("show", "--json", latest[-1].id).out)["call"]["id"] == latest[-1].id


def test_show_of_an_unknown_call(run):
    assert "the ledger has no call x" in run("show", "x", code=1).err


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_export_is_exact(run, form):
    text = run("export", "--format", form).out
    rows = (
        [json.loads(line) for line in text.splitlines()] if form == "jsonl" else list(csv.DictReader(io.StringIO(text)))
    )
    assert len(rows) == len(CALLS)
    assert sum(Decimal(row["cost_usd"] or 0) for row in rows) == Decimal(totals_of(CALLS).cost_pico) / 10**12
    assert {row["id"] for row in rows} == {call.id for call in CALLS}


def test_erase_and_prune_ask_first(run):
    assert "use --yes" in run("erase", "--client", "k1", code=1).err
    own = sum(call.client_key == "k1" for call in CALLS)
    assert f"deleted {own} calls" in run("erase", "--client", "k1", "--yes").out
    assert json.loads(run("stats", "--json", "--client", "k1").out)["totals"]["calls"] == 0
    assert "deleted 0 calls" in run("prune", "--yes").out


def test_no_ledger_yet(tmp_path, capsys):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"sql_writer": {"url": f"sqlite://{tmp_path}/none.db"}}))
    assert main(["-o", str(file), "stats"]) == 1
    assert "there is no ledger yet" in capsys.readouterr().err


def test_a_wrong_address_is_not_quoted(tmp_path, capsys):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"sql_writer": {"url": "mysql://u:secret@h/d"}}))
    assert main(["-o", str(file), "stats"]) == 1
    text = capsys.readouterr().err
    assert "must be postgresql://" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("option", "value"),
    [("--status", "9" * 19), ("--status", "-5"), ("--status", "ok"), ("--until", "9999-12-31T23:59:59-12:00")],
    ids=["huge", "negative", "word", "late"],
)
def test_values_that_are_refused(option, value, capsys):
    with pytest.raises(SystemExit) as end:
        main(["stats", f"{option}={value}"])
    assert end.value.code == 2
    assert f"argument {option}: must be" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["stats", "tail", "show", "export", "prune", "erase"])
def test_help_of_every_command(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert re.search(r"usage: ledger", capsys.readouterr().out)


async def test_tail_follows(config, tmp_path):
    """New calls appear; the command ends with its reader."""
    process = await asyncio.create_subprocess_exec(
        *_following(config),
        env=environment_of(tmp_path, {"LEDGER_URL": f"sqlite://{tmp_path}/ledger.db"}),
        stdout=asyncio.subprocess.PIPE,
    )
    first = await process.stdout.readline()
    assert first.split()[-1].decode() in {call.id for call in CALLS}
    later = next(made_calls(1, (NOW - 3) * 10**6, NOW * 10**6, seed=77))
    database = open_writer(locate(f"sqlite://{tmp_path}/ledger.db"))
    await database.insert([later])
    await database.close()
    assert (await process.stdout.readline()).split()[-1].decode() == later.id
    process.terminate()
    await process.wait()


def test_calls_that_arrive_while_tail_starts_appear_once(run, config, monkeypatch):
    before, after = ((NOW - 2) * 10**6, (NOW - 1) * 10**6)
    early, late = (next(made_calls(1, start, start + 1, seed=78 + start)) for start in (before, after))
    ask, follow = queries.history, queries.since_number
    followed = []

    async def insert(call):
        database = open_writer(locate(f"sqlite://{config.parent}/ledger.db"))
        await database.insert([call])
        await database.close()

    async def history(*arguments):
        await insert(early)
        page = await ask(*arguments)
        await insert(late)
        return page

    async def since_number(*arguments):
        if followed:
            raise KeyboardInterrupt
        followed.append(await follow(*arguments))
        return followed[0]

    monkeypatch.setattr(queries, "history", history)
    monkeypatch.setattr(queries, "since_number", since_number)
    monkeypatch.setattr(command, "_POLL_S", 0)
    lines = run("tail", "-f", "-n", "1").out.splitlines()
    assert [line.split()[-1] for line in lines] == [early.id, late.id]


def _following(config):
    return [sys.executable, "-u", "-m", "services.ledger", "-o", str(config), "tail", "-f", "-n", "1"]
