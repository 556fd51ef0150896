"""Fixtures for the sinks: a connected bus, and config files."""

import asyncio
import contextlib
import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gecholog import logs, wire
from gecholog.bus import Bus, BusAddress
from gecholog.errors import BusAway, BusError, NoAnswer
from gecholog.logs import Log
from gecholog.recordlog import STREAM, ask
from tests.support.nats_server import NatsServer

SUBJECT = "coburn.gl.logger"


@pytest.fixture
async def connect() -> AsyncIterator[Callable[[NatsServer], Any]]:
    """Return a function that connects to a bus: `bus = await connect(server)`."""
    connections: list[tuple[Bus, asyncio.Task[None]]] = []

    async def connected(server: NatsServer) -> Bus:
        bus = Bus(BusAddress.of(server.hostname, server.token), "test", Log("test"))
        connections.append((bus, asyncio.create_task(bus.run())))
        await bus.opened()
        return bus

    yield connected
    for bus, task in connections:
        await bus.close()
        await task


@pytest.fixture
async def bus(nats_server, connect) -> Bus:
    """Return a connection to the nats-server with JetStream."""
    return await connect(nats_server)


@pytest.fixture
async def plain_bus(plain_nats_server, connect) -> Bus:
    """Return a connection to the nats-server without JetStream."""
    return await connect(plain_nats_server)


@pytest.fixture
def config_for(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that creates config files.

    Example: `config_for(nats_server, mode="rest_api_writer", rest_api_writer={…})`.
    """

    def make(server: NatsServer, *, subject: str = SUBJECT, **parts: Any) -> dict[str, Any]:
        return {
            "version": "1.0.1",
            "log_level": "DEBUG",
            "mode": "file_writer",
            "retries": 2,
            "retry_delay_milliseconds": 50,
            "tls": {"insecure": False, "system_cert_pool": True, "cert_files": []},
            "service_bus": {
                "hostname": server.hostname,
                "topic": "coburn.gl.nats2log",
                "topic_exact_logger": subject,
                "token": server.token,
            },
            "file_writer": {"filename": str(tmp_path / "out" / "log.jsonl"), "write_mode": "append"},
        } | parts

    return make


@pytest.fixture
def said() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return the log lines written since the test began."""
    root = logging.getLogger()
    handlers, level, stream = root.handlers[:], root.level, io.StringIO()
    logs.setup("test", stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)


class Stream:
    """The record stream, as tests inspect and fill it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def add(self, *records: bytes, subject: str = SUBJECT, first_id: int = 0) -> None:
        """Publish records with the ids `id-0`, `id-1`, … and check that the stream has stored them."""
        for number, record in enumerate(records, first_id):
            word = await self._bus.request(subject, record, 10, wire.encoded({"Nats-Msg-Id": f"id-{number}"}))
            assert b'"seq"' in word, word

    async def put(self, record: bytes, identity: str) -> None:
        """Publish a record repeatedly, as gl does, until the stream has confirmed it."""
        while True:
            with contextlib.suppress(BusError):
                if b"seq" in await self._bus.request(SUBJECT, record, 1, wire.encoded({"Nats-Msg-Id": identity})):
                    return
            await asyncio.sleep(0.05)

    async def unacknowledged(self, consumer: str) -> int:
        try:
            info = await ask(self._bus, f"CONSUMER.INFO.{STREAM}.{consumer}")
        except (BusAway, NoAnswer):
            return 1  # unknown
        return int(info["num_pending"] + info["num_ack_pending"])

    async def nobody_waits(self, consumer: str) -> None:
        """Wait until the server has dropped the pull requests of a sink that is gone.

        Otherwise it would send the next records there.
        """
        async with asyncio.timeout(30):
            while (await ask(self._bus, f"CONSUMER.INFO.{STREAM}.{consumer}"))["num_waiting"]:  # noqa: ASYNC110 - the server knows
                await asyncio.sleep(0.02)

    async def all_acknowledged(self, consumer: str) -> None:
        async with asyncio.timeout(30):
            while await self.unacknowledged(consumer):  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.02)


@pytest.fixture
def stream(bus: Bus) -> Stream:
    return Stream(bus)


@pytest.fixture
def lines_of(tmp_path: Path) -> Callable[..., list[Any]]:
    """Return the lines of a file in the test's folder, parsed as JSON."""

    def read(name: str = "out/log.jsonl") -> list[Any]:
        try:
            return [json.loads(line) for line in (tmp_path / name).read_bytes().splitlines()]
        except FileNotFoundError:
            return []

    return read
