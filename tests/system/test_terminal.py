"""`make up` on a terminal: a start that people can read, then a line for each call."""

import asyncio
import os
import re
import signal
import subprocess
import threading

import aiohttp
import pytest

from tests.support.process import environment_of
from tests.support.waiting import DEADLINE, eventually
from tests.system.conftest import UP
from tests.system.test_appliance import PATH, call

LOG_LINE = re.compile(r"\d\d:\d\d:\d\d ")


class Terminal:
    """A pseudo-terminal in which the appliance runs."""

    def __init__(self, appliance, **environ):
        self._master, slave = os.openpty()
        self._seen = b""
        self.process = subprocess.Popen(
            UP,
            env=environment_of(appliance.folder, environ),
            cwd=appliance.folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        while True:
            try:
                self._seen += os.read(self._master, 4096)
            except OSError:  # the last process that had it open has ended
                return

    @property
    def lines(self):
        """What is on the screen, without its colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self._seen.decode("utf-8", "replace")).splitlines()

    async def shows(self, text):
        await eventually(lambda: any(text in line for line in self.lines), f"{text} in {self.lines}")

    def end(self):
        """Press Ctrl-C; returns the exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        code = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        os.close(self._master)
        return code


@pytest.fixture
def terminal(whole_appliance):
    """The appliance on a terminal."""
    variables = {"AISERVICE_API_BASE": "http://127.0.0.1:1", "AISERVICE_API_KEY": "b", "GECHOLOG_API_KEY": "a"}
    terminal = Terminal(whole_appliance, **variables)
    yield terminal
    if terminal.process.poll() is None:
        terminal.end()


async def test_start_and_calls_on_a_terminal(whole_appliance, terminal):
    """A line a service, a summary, a line a call, and no JSON; Ctrl-C ends it in order."""
    await terminal.shows("curl -s")
    start = terminal.lines
    assert [line for line in start if line.startswith("{")] == []
    # A loaded machine may add a warning, as that a service takes long to be healthy.
    services, routers, others = 8, 6, 13
    assert len([line for line in start if not LOG_LINE.match(line)]) <= services + routers + others, start
    assert not any(" error: " in line for line in start if LOG_LINE.match(line))
    assert any(re.fullmatch(rf"  gl +healthy  port {whole_appliance.gl_port}", line) for line in start)
    assert any(line.startswith("  /dummy/") and f":{whole_appliance.dummy_port}" in line for line in start)
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            await call(session, whole_appliance, Authorization="Bearer sk-secret")
    await eventually(lambda: len([line for line in terminal.lines if f"POST {PATH} 200" in line]) == 3, "the calls")
    assert await asyncio.to_thread(terminal.end) == 0
    assert not any("sk-secret" in line or line.startswith("{") for line in terminal.lines)
    assert whole_appliance.processes() == []


async def test_json_on_a_terminal_that_asks_for_it(appliance):
    """GECHOLOG_LOG=json is for terminals that a program reads."""
    terminal = Terminal(appliance, GECHOLOG_LOG="json")
    try:
        await terminal.shows("curl -s")
        assert any(line.startswith("{") for line in terminal.lines)
    finally:
        await asyncio.to_thread(terminal.end)
