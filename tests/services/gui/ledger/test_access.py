"""How pages ask the ledger: when it comes, goes and comes again, and when an answer takes long."""

import asyncio
import json

import pytest

from gecholog.ledger import queries
from gecholog.ledger.database import open_writer
from gecholog.ledger.filters import CallFilter, TimeRange
from gecholog.ledger.location import locate
from services.gui.ledger.access import LedgerAccess, LedgerAway, NoLedger, StillAdding
from tests.support.ledger_calls import made_calls

ALL = CallFilter(TimeRange(0, 10**16))


async def calls(ledger):
    return (await queries.totals(ledger, ALL)).calls


async def write(file, count, seed=1):
    ledger = open_writer(locate(f"sqlite://{file}"))
    await ledger.migrate()
    await ledger.insert(list(made_calls(count, 10**15, 10**15 + 10**9, seed)))
    await ledger.close()


@pytest.fixture
async def access(tmp_path, monkeypatch):
    monkeypatch.setenv("GECHOLOG_HOME", str(tmp_path))
    made = LedgerAccess(tmp_path, {})
    yield made
    await made.close()


async def test_the_ledger_comes_and_another_takes_its_place(access, tmp_path):
    with pytest.raises(NoLedger):
        await access.ask("a", calls)
    await write(tmp_path / "data" / "ledger.db", 3)
    assert await access.ask("a", calls) == 3
    await write(tmp_path / "other.db", 5)
    (tmp_path / "conf").mkdir()
    config = {"sql_writer": {"url": f"sqlite://{tmp_path}/other.db"}}
    (tmp_path / "conf" / "nats2ledger_config.json").write_text(json.dumps(config))
    assert await access.ask("a", calls) == 5
    (tmp_path / "conf" / "nats2ledger_config.json").write_text("{")
    with pytest.raises(LedgerAway):
        await access.ask("a", calls)


async def test_a_ledger_that_is_away_comes_again(access, tmp_path):
    file = tmp_path / "data" / "ledger.db"
    file.parent.mkdir()
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(LedgerAway):
        await access.ask("a", calls)
    file.unlink()
    await write(file, 2)
    assert await access.ask("a", calls) == 2


async def test_answers_are_shared_and_remembered(access, tmp_path):
    await write(tmp_path / "data" / "ledger.db", 1)
    asked = 0

    async def question(_):
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return asked

    assert await asyncio.gather(*(access.ask("same", question, keep_s=60) for _ in range(5))) == [1] * 5
    assert await access.ask("same", question, keep_s=60) == 1
    assert await access.ask("other", question) == 2
    assert await access.ask("other", question) == 3


async def test_an_answer_that_takes_long_is_there_later(access, tmp_path):
    await write(tmp_path / "data" / "ledger.db", 1)
    ready = asyncio.Event()

    async def question(_):
        await ready.wait()
        return "done"

    with pytest.raises(StillAdding):
        await access.ask("slow", question, patience_s=0)
    ready.set()
    assert await access.ask("slow", question) == "done"


async def test_failures_are_not_remembered(access, tmp_path):
    await write(tmp_path / "data" / "ledger.db", 1)

    async def question(_):
        raise OSError("the disk is gone")

    with pytest.raises(LedgerAway, match="the disk is gone"):
        await access.ask("a", question, keep_s=60)
    assert await access.ask("a", calls, keep_s=60) == 1


async def test_only_so_many_questions_at_once(access, tmp_path):
    await write(tmp_path / "data" / "ledger.db", 1)
    never = asyncio.Event()

    async def question(_):
        await never.wait()

    for number in range(12):
        with pytest.raises(StillAdding, match="added up"):
            await access.ask(number, question, patience_s=0)
    with pytest.raises(StillAdding, match="busy"):
        await access.ask("more", question, patience_s=0)
