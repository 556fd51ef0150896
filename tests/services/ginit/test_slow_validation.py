"""A validator that takes too long at first: with a real program, and ginit's event loop around it."""

import asyncio

import pytest

from gecholog.config import checksum
from services.ginit.decision.events import ContentChanged
from services.ginit.event_loop import EventLoop
from services.ginit.execute import ActionExecutor
from services.ginit.paths import Paths
from services.ginit.runner import ServiceRunner
from services.ginit.store import StateStore
from services.ginit.throttled_log import ThrottledLog
from tests.services.ginit.edges import Lines, ProcessSupervisor, appliance, definition, healthy, program
from tests.support.waiting import eventually

NEW = b'{"new": 1}'
IN_TIME_IF_NOT_BUSY = """
echo once >>"$0.calls"
while [ -e "$0.busy" ]; do sleep 0.02; done
! grep -q wrong "$2"
"""
WARNING = "config validation timed out, retrying"


class Neighbours:
    """What the event loop tells of its work; nobody needs it here."""

    def watch_services(self):
        """Config files are not watched."""

    def drop_unused(self):
        """Contents are kept."""

    def publish(self):
        """The state is read from the store."""


class Scene:
    """A service that is healthy, and an event loop for it; `busy` is a file while which its validator does not end."""

    def __init__(self, folder):
        validator = program(folder, IN_TIME_IF_NOT_BUSY)
        self.busy, self._calls = folder / "program.busy", folder / "program.calls"
        self.supervisor = ProcessSupervisor()
        self.runner = ServiceRunner(Paths(folder, folder / "runtime"), self.supervisor, Lines(), 0.3)
        one = healthy(definition(folder, program=validator), writes_checksum=True)
        self.store = StateStore(appliance(one))
        self.runner.copies.keep("one", b"{}")
        self.tasks = []
        executor = ActionExecutor(self.runner, self.store, ThrottledLog(), self._spawn, lambda: None)
        loop = EventLoop(self.store, None, executor, Neighbours(), Neighbours())
        self._spawn(loop.run(), "event loop")

    def _spawn(self, work, name):
        self.tasks.append(asyncio.create_task(work, name=name))

    @property
    def one(self):
        return self.store.appliance.services[0]

    def calls(self):
        """How often the validator was called."""
        return len(self._calls.read_text().splitlines()) if self._calls.exists() else 0

    def saves(self, content):
        self.store.post(ContentChanged("one", self.runner.copies.keep("one", content)))

    async def close(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.supervisor.close()
        self.runner.close()


@pytest.fixture
async def scene(tmp_path):
    made = Scene(tmp_path)
    await made.runner.register(made.one.definition, 0)
    made.busy.touch()
    yield made
    await made.close()


async def test_it_is_tried_again(scene, caplog):
    """Nobody has to save the file again."""
    scene.saves(NEW)
    await eventually(lambda: scene.one.check_timeouts == 1)
    assert scene.one.in_force == checksum(b"{}")
    assert scene.one.refusal.reason == "the validation of the config did not end in time, it is tried again"
    scene.busy.unlink()
    await eventually(lambda: scene.one.in_force == checksum(NEW))
    assert scene.calls() == 2
    assert caplog.messages.count(WARNING) == 1
    assert "config is not valid" not in caplog.messages


async def test_file_that_is_saved_in_a_pause_is_validated_at_once(scene, caplog):
    scene.saves(NEW)
    await eventually(lambda: WARNING in caplog.messages)
    scene.busy.unlink()
    scene.saves(b"wrong")
    await eventually(lambda: "config is not valid" in caplog.messages)
    assert scene.one.refusal.sha256 == checksum(b"wrong")
    assert (scene.one.check_at, scene.one.check_timeouts) == (None, 0)
