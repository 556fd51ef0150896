"""Validations that people start: equal ones share a process, and nobody starts any number of them."""

import asyncio
import json

import pytest

from gecholog import config
from gecholog.validation import Validator
from services.gui.config import build, config_spec
from services.gui.drafts.config_desk import ConfigDesk, Work
from services.gui.drafts.config_file import ConfigFile
from services.gui.fair_slots import TooBusy
from tests.support.gui import gui_config

# Counts its runs, and ends when the test says so.
PROGRAM = """#!/bin/sh
echo x >> {folder}/runs
while [ ! -e {folder}/go ]; do sleep 0.02; done
"""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setenv("GECHOLOG_HOME", str(tmp_path))
    environ = {"GUI_SECRET": "geheim123", "NATS_TOKEN": "t", "GECHOLOG_HOME": str(tmp_path)}
    data = json.dumps(gui_config(8080)).encode()
    return ConfigDesk(build(config.check(data, "gui_config.json", config_spec(), environ)), tmp_path, environ)


@pytest.fixture
def file(tmp_path):
    program = tmp_path / "program"
    program.write_text(PROGRAM.format(folder=tmp_path))
    program.chmod(0o755)
    working = tmp_path / "working"
    return ConfigFile(
        "gl", "Gateway", "gl", tmp_path / "gl_config.json", working, working, Validator(program, speaks_json=False)
    )


def runs(folder):
    return len((folder / "runs").read_text().splitlines()) if (folder / "runs").exists() else 0


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what a process writes
            await asyncio.sleep(0.01)


async def test_equal_validations_share_one_process(desk, file, tmp_path):
    asked = [asyncio.create_task(desk.validate(file, b"{}", Work(f"viewer {n}"))) for n in range(30)]
    await until(lambda: runs(tmp_path) == 1)
    asked[0].cancel()  # the browser that asked first goes away
    (tmp_path / "go").touch()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert all(one.valid for one in results[1:])
    assert (await desk.validate(file, b"{}", Work("later"))).valid
    assert runs(tmp_path) == 1
    assert not list((tmp_path / "run" / "gui").iterdir())


async def test_one_user_starts_a_few_and_an_admin_comes_first(desk, file, tmp_path):
    asked = [asyncio.create_task(desk.validate(file, b"%d" % n, Work("eva"))) for n in range(10)]
    await until(lambda: runs(tmp_path) == 2)
    assert sum(task.done() for task in asked) == 4
    for task in asked[6:]:
        with pytest.raises(TooBusy, match="try again in some seconds"):
            await task
    admin = asyncio.create_task(desk.validate(file, b"admin", Work("root", is_first=True)))
    await asyncio.sleep(0)
    (tmp_path / "go").touch()
    assert (await admin).valid
    assert all(one.valid for one in await asyncio.gather(*asked[:6]))
