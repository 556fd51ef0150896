"""A real nats-server, and the token counter as a real process."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gecholog.bus import Bus, BusAddress
from gecholog.errors import NoAnswer
from gecholog.health import ChecksumFile
from gecholog.logs import Log

ROOT = Path(__file__).parents[3]
NATS_SERVER = os.environ.get("NATS_SERVER") or str(Path(sys.executable).with_name("nats-server"))
TOKEN = "a-token-for-tests"
DEADLINE = 30


def until(condition, seconds=DEADLINE):
    """The first true value of `condition()`; an AssertionError when the time is up."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return value


class Server:
    """A nats-server on a free port."""

    def __init__(self, folder):
        words = [NATS_SERVER, "-a", "127.0.0.1", "-p", "-1", "--auth", TOKEN, "--ports_file_dir", str(folder)]
        self.process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        file = folder / f"nats-server_{self.process.pid}.ports"
        until(lambda: file.exists() and file.read_text().endswith("}"))
        self.hostname = json.loads(file.read_text())["nats"][0].removeprefix("nats://")

    def stop(self):
        self.process.terminate()
        self.process.wait(DEADLINE)

    @asynccontextmanager
    async def client(self):
        bus = Bus(BusAddress(self.hostname, TOKEN), "test", Log("test"))
        running = asyncio.create_task(bus.run())
        await bus.opened()
        yield bus
        await bus.close()
        await running


class Counter:
    """The token counter as a process, with a config file of its own."""

    def __init__(self, home, config, alias="tokencounter", token=TOKEN):
        self.home = home
        self.file = home / "config.json"
        self.output = home / f"{alias}.log"
        self.sign = ChecksumFile.of(alias, home)
        self.write(config)
        words = [sys.executable, "-m", "processors.tokencounter", "-o", str(self.file), "-a", alias]
        env = os.environ | {"GECHOLOG_HOME": str(home), "NATS_TOKEN": token}
        with self.output.open("w") as output:
            self.process = subprocess.Popen(words, env=env, cwd=ROOT, stdout=output, stderr=output)

    def write(self, config):
        self.file.write_text(json.dumps(config) if isinstance(config, dict) else config)

    def reload(self, config):
        self.write(config)
        self.process.send_signal(signal.SIGHUP)

    def messages(self):
        return [json.loads(line)["msg"] for line in self.output.read_text().splitlines() if line.startswith("{")]

    def until_said(self, message):
        until(lambda: message in self.messages() or self.process.poll() is not None)

    def ready(self):
        self.until_said("listening for messages")
        return self

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE)


async def answered(bus, subject, message):
    """The answer to a message, asked until somebody listens."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return json.loads(await bus.request(subject, json.dumps(message).encode(), 5) or b"null")
        except NoAnswer:
            assert time.monotonic() < end, "nobody answers"
            await asyncio.sleep(0.05)


@pytest.fixture
def ask():
    return answered


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "nats"
    folder.mkdir()
    running = Server(folder)
    yield running
    running.stop()


@pytest.fixture
def second_server(tmp_path):
    folder = tmp_path / "nats2"
    folder.mkdir()
    running = Server(folder)
    yield running
    running.stop()


@pytest.fixture
def config(server):
    """A config with a cap of 100 on `/capped/`."""
    return {
        "version": "1.0.1",
        "log_level": "INFO",
        "service_bus": {"hostname": server.hostname, "topic": "coburn.gl.tokencounter", "token": "${NATS_TOKEN}"},
        "cap_period_seconds": 3600,
        "token_caps": [{"router": "/capped/", "fields": [{"field": "total", "value": 100}]}],
        "usage_fields": [
            {"router": "default", "patterns": [{"field": "total", "pattern": "inbound_payload.usage.total_tokens"}]}
        ],
    }


@pytest.fixture
def start(tmp_path):
    """Start token counters; all are ended with the test."""
    started = []

    def begin(config, name="tokencounter", **more):
        home = tmp_path / name
        home.mkdir()
        started.append(Counter(home, config, alias=name, **more))
        return started[-1]

    yield begin
    for counter in started:
        counter.stop(signal.SIGKILL)
