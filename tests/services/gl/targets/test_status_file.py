"""The status file of a gateway's circuit breakers."""

import asyncio
import time

from gecholog.breakerstatus import BreakerStatusFile
from gecholog.timer import now
from services.gl.resilience.breaker import opened
from services.gl.targets.breakers import Breakers
from services.gl.targets.status_file import StatusWriter
from tests.support.waiting import eventually


async def test_follows_transitions(tmp_path):
    """The file lists the breakers that are not closed, and goes when the gateway stops."""
    file, breakers = BreakerStatusFile.of("gl", tmp_path), Breakers()
    writing = asyncio.create_task(StatusWriter(file, breakers, now).run())
    start = time.monotonic()
    breakers.replace("/a/", opened(start, start + 30, "refused"))
    breakers.replace("/b/", opened(start, start + 30, "status 503"))
    await eventually(lambda: [one.target for one in file.read()] == ["/a/", "/b/"])
    assert file.read()[0].reason == "refused"
    assert file.read()[0].report()["state"] == "open"
    breakers.retain(lambda target: None if target == "/a/" else object())
    await eventually(lambda: [one.target for one in file.read()] == ["/b/"])
    writing.cancel()
    await asyncio.wait({writing})
    assert file.read() == []
    assert list((tmp_path / "run").iterdir()) == []


async def test_a_full_disk(tmp_path, caplog):
    """Calls do not depend on the file: a problem is logged once."""
    (tmp_path / "run").write_text("no folder")
    breakers = Breakers()
    writer = StatusWriter(BreakerStatusFile.of("gl", tmp_path), breakers, now)
    writing = asyncio.create_task(writer.run())
    await eventually(lambda: caplog.records)
    writing.cancel()
    await asyncio.wait({writing})
    assert {line.message for line in caplog.records} == {"status of circuit breakers not written"}
