"""The end of everything: by supervisord if there is one, by ginit itself if not."""

import signal
import subprocess
import sys

import pytest

from gecholog.task_owner import TaskOwner
from services.ginit.shutdown import Shutdown
from services.ginit.store import StateStore
from services.ginit.supervisord import parent
from tests.services.ginit.edges import appliance, definition, healthy
from tests.support.process import environment_of

LAUNCHER = """
import os, signal, subprocess, sys
signals = []
signal.signal(signal.SIGTERM, lambda number, _: (signals.append(number), child.send_signal(signal.SIGUSR1)))
os.environ["GECHOLOG_LAUNCHER"] = str(os.getpid())
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
child.wait()
print("SIGTERM" if signals else "no signal")
"""

GINIT = """
import asyncio, signal
from dataclasses import replace
from gecholog.task_owner import TaskOwner
from services.ginit.decision.state import Appliance
from services.ginit.shutdown import Shutdown
from services.ginit.store import StateStore

async def main():
    store, owner = StateStore(Appliance((), 0)), TaskOwner()
    def begins():
        store.appliance = replace(store.appliance, stopping=True)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, begins)
    Shutdown(store, None, owner).give_up()
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    print("left to supervisord" if not owner.ending.is_set() else "ended")

asyncio.run(main())
"""


class Runner:
    """Notes what is ended."""

    def __init__(self):
        self.ended = []

    async def end_all(self, state):
        self.ended.append(state)


@pytest.fixture
def runner():
    return Runner()


@pytest.fixture
def store(tmp_path):
    return StateStore(appliance(healthy(definition(tmp_path))))


def test_supervisord_ends_everything(tmp_path):
    """It is asked to, as the parent of ginit; when it has begun, ginit waits for its own turn."""
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, GINIT],
        env=environment_of(tmp_path, {}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["left to supervisord", "SIGTERM"]


HANGING = """
import asyncio
from gecholog.task_owner import TaskOwner
from services.ginit.decision.state import Appliance
from services.ginit.shutdown import Shutdown
from services.ginit.store import StateStore

class Runner:
    async def end_all(self, appliance):
        print("services ended", flush=True)

async def main():
    owner = TaskOwner()
    Shutdown(StateStore(Appliance((), 0)), Runner(), owner, 0.1).give_up()
    await owner.ending.wait()
    print("ended", flush=True)

asyncio.run(main())
"""

DEAF = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.environ["GECHOLOG_LAUNCHER"] = str(os.getpid())
subprocess.Popen([sys.executable, "-c", sys.argv[1]]).wait()
"""


def test_supervisord_that_does_not_begin(tmp_path):
    """It is killed, and ginit ends the services: the container must not stay."""
    command = [sys.executable, "-c", DEAF, HANGING]
    with subprocess.Popen(command, env=environment_of(tmp_path, {}), stdout=subprocess.PIPE, text=True) as launcher:
        lines = [line for line in launcher.stdout.read().splitlines() if not line.startswith("{")]
    assert launcher.returncode == -signal.SIGKILL
    assert lines == ["services ended", "ended"]


async def test_giving_up_without_supervisord(store, runner, monkeypatch):
    """Our parent is not the launcher any more: ginit ends the services, and then itself."""
    monkeypatch.delenv(parent.VARIABLE, raising=False)
    owner = TaskOwner()
    Shutdown(store, runner, owner).give_up()
    await owner.ending.wait()
    assert runner.ended == [store.appliance]


async def test_death_of_supervisord(store, runner, caplog):
    """From then on nothing is started any more, and the appliance is not healthy."""
    owner = TaskOwner()
    Shutdown(store, runner, owner).without_supervisord()
    assert store.appliance.stopping
    await owner.ending.wait()
    assert runner.ended == [store.appliance]
    assert caplog.messages == ["supervisord has died, stopping all services"]
