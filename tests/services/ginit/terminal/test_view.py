"""The terminal while the appliance runs: its log, the summary when the start is over, then the calls."""

import asyncio
import io
import json
import subprocess
import sys

import pytest

from services.ginit.terminal.installation import Installation
from services.ginit.terminal.palette import Palette
from services.ginit.terminal.screen import Screen
from services.ginit.terminal.view import stamp, state_file, view, wait_for_startup
from tests.support.waiting import eventually

STARTED = {"startup_over": True, "healthy": True, "services": [{"name": "gl", "state": "healthy", "reason": ""}]}


@pytest.fixture
def file(tmp_path):
    file = state_file(tmp_path)
    file.parent.mkdir()
    return file


async def test_start_that_is_over(file):
    file.write_text(json.dumps(STARTED))
    assert await wait_for_startup(file, None) == STARTED


@pytest.mark.parametrize("text", [None, "", "{", "[]", json.dumps(STARTED | {"startup_over": False})])
async def test_start_that_is_not_over(file, text):
    """Or not yet told of, or only in part."""
    if text is not None:
        file.write_text(text)
    waiting = asyncio.create_task(wait_for_startup(file, None))
    done, _ = await asyncio.wait([waiting], timeout=0)
    assert not done
    file.write_text(json.dumps(STARTED))
    assert await waiting == STARTED


async def test_state_of_an_appliance_that_was_killed(file):
    """It says that all is well, and nothing has been started yet."""
    file.write_text(json.dumps(STARTED | {"services": []}))
    waiting = asyncio.create_task(wait_for_startup(file, stamp(file)))
    done, _ = await asyncio.wait([waiting], timeout=0)
    assert not done
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(STARTED))
    beside.replace(file)
    assert await waiting == STARTED


def test_no_state(file):
    assert stamp(file) is None


class Shown(io.StringIO):
    @property
    def lines(self):
        return self.getvalue().splitlines()


@pytest.fixture
def shown():
    return Shown()


@pytest.fixture
def start(tmp_path, shown):
    """View a process that copies its input to its output."""
    children = []

    def started():
        command = [
            sys.executable,
            "-c",
            "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer, 1)",
        ]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        children.append(child)
        installation = Installation(tmp_path, {})
        return child, asyncio.create_task(
            view(child, Screen(shown, Palette(enabled=False), installation), installation)
        )

    yield started
    for child in children:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


async def test_log_is_shown_to_its_end(start, shown):
    """Also a last line that has no end, which is often the one that matters."""
    child, viewing = start()
    child.stdin.write(b'{"level":"ERROR","msg":"no disk","service":"gl"}\nTraceback')
    child.stdin.close()
    await viewing
    assert shown.lines[0].endswith("error: no disk")
    assert shown.lines[1:] == ["Traceback"]


async def test_summary_comes_when_the_start_is_over(start, shown, file):
    """From then on the events are shown as well."""
    child, viewing = start()
    event = b'{"level":"INFO","msg":"listening","service":"gl"}\n'
    child.stdin.write(event + b'{"level":"WARN","msg":"careful","service":"gl"}\n')
    child.stdin.flush()
    await eventually(lambda: any("careful" in line for line in shown.lines))
    assert not any("listening" in line or "Try it" in line for line in shown.lines)
    file.write_text(json.dumps(STARTED))
    await eventually(lambda: any("Try it" in line for line in shown.lines))
    child.stdin.write(event)
    child.stdin.close()
    await viewing
    assert shown.lines[-1].endswith("listening")
