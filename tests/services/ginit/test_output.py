"""The pipes of the services."""

import asyncio
import io
import json
import os
import stat
from pathlib import Path

import pytest

from services.ginit.output import OutputPipe, SystemLog
from tests.support.waiting import eventually


class Recorder:
    def __init__(self):
        self.lines = []
        self.healthy = 0

    def on_line(self, name, line):
        self.lines.append(line)

    def on_healthy_output(self, name):
        self.healthy += 1


@pytest.fixture
def listener():
    return Recorder()


@pytest.fixture
async def pipe(tmp_path, listener):
    made = OutputPipe("one", tmp_path / "pipes" / "one", "I am ready", SystemLog(io.BytesIO(), []), listener)
    made.open()
    yield made
    made.close()


async def test_service_writes_and_is_heard(pipe, listener):
    """Lines, and the healthy output also where it has no line break yet."""
    with pipe.path.open("wb", buffering=0) as end:
        end.write(b"one\ntwo\nI am re")
        end.write(b"ady")
        await eventually(lambda: listener.healthy == 1)
        end.write(b" now\n")
    await eventually(lambda: listener.lines == [b"one", b"two", b"I am ready now"])


async def test_pipe_has_no_end(pipe, listener):
    """When a process ends, the next one writes to the same pipe."""
    for number in range(3):
        writer = await asyncio.create_subprocess_exec("/bin/sh", "-c", 'echo "$0" >"$1"', str(number), str(pipe.path))
        assert await writer.wait() == 0
    await eventually(lambda: listener.lines == [b"0", b"1", b"2"])


async def test_drain_takes_what_is_there(pipe, listener):
    """At the end of a process, a line without a line break counts."""
    descriptor = os.open(pipe.path, os.O_WRONLY)
    os.write(descriptor, b"whole\nlast words")
    os.close(descriptor)
    pipe.drain()
    assert listener.lines == [b"whole", b"last words"]


async def test_what_is_written_while_nobody_reads_is_not_lost(pipe, listener):
    """The service holds its pipe open itself."""
    pipe.close()
    script = 'exec 1<>"$0"; echo written; kill -STOP $$'
    service = await asyncio.create_subprocess_exec("/bin/sh", "-c", script, str(pipe.path))
    stopped = f"/proc/{service.pid}/stat"
    await eventually(lambda: " T " in Path(stopped).read_text())
    pipe.open()
    await eventually(lambda: listener.lines == [b"written"])
    service.kill()
    await service.wait()


async def test_something_else_in_its_place(tmp_path, listener):
    """What is left there from another life is replaced; the pipe is its owner's only."""
    (tmp_path / "one").write_text("a file")
    pipe = OutputPipe("one", tmp_path / "one", "ready", SystemLog(io.BytesIO(), []), listener)
    pipe.open()
    mode = pipe.path.stat().st_mode
    assert stat.S_ISFIFO(mode)
    assert stat.S_IMODE(mode) == 0o600
    pipe.remove()
    assert not pipe.path.exists()


def test_system_log_outlives_its_reader():
    """Nobody reading the log is no reason to stop."""

    class Closed(io.BytesIO):
        def write(self, data):
            raise BrokenPipeError

    SystemLog(Closed(), []).write(b"text", "one")


def test_system_log_is_json():
    """One line for one line, in order, without secrets."""
    stream = io.BytesIO()
    log = SystemLog(stream, ["VerySecretToken", ""])
    log.write(b"text VerySecretToken", "one")
    log.write(b'{"msg":"x"}', "one")
    first, second = stream.getvalue().splitlines()
    assert json.loads(first)["msg"] == "text *****MASKED*****"
    assert second == b'{"msg":"x"}'
