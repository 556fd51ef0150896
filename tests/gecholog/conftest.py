"""A bus client, and a small service as a program of its own."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gecholog.bus import Bus, BusAddress
from gecholog.logs import Log
from tests.support.process import ROOT, ServiceProcess, environment_of
from tests.support.waiting import DEADLINE

PROGRAM = Path(__file__).with_name("small_service.py")


@asynccontextmanager
async def connected(server, token=None):
    """A Bus that is connected, with its `run` as a task; both end with the block."""
    bus = Bus(BusAddress.of(server.hostname, token or server.token), "test", Log("test"))
    running = asyncio.create_task(bus.run(), name="bus")
    try:
        async with asyncio.timeout(DEADLINE):
            await bus.opened()
        yield bus
    finally:
        await bus.close()
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def bus(plain_nats_server):
    """A connected bus on a server of its own."""
    async with connected(plain_nats_server) as one:
        yield one


@pytest.fixture
def connect():
    return connected


@pytest.fixture
def config_file(tmp_path):
    """The config file of the small service; `write(**fields)` changes it, `write(text="…")` replaces it."""

    class File:
        path = tmp_path / "small.json"

        def write(self, *, text=None, **fields):
            value = {"version": "1.0.0", "log_level": "INFO", "mode": "good"} | fields
            data = json.dumps(value, indent=1) if text is None else text
            beside = self.path.with_suffix(".new")
            beside.write_text(data, "utf-8")
            beside.replace(self.path)
            return self.path

    file = File()
    file.write()
    return file


@pytest.fixture
def small_service(tmp_path, config_file):
    """Starts the small service (see small_service.py) as a process."""
    started = []

    def start(*arguments, env=None, config=None):
        words = arguments or ("-o", str(config or config_file.path))
        home = tmp_path / "app"
        process = ServiceProcess(
            [sys.executable, str(PROGRAM), *words], alias="small", home=home, env=environment_of(home, env or {})
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.close()


@pytest.fixture
def root():
    return ROOT
