"""Actions are carried out, and tried again where something is in the way. With real files and processes."""

import asyncio
import os
import signal
from dataclasses import replace

import pytest

from gecholog.config import checksum
from services.ginit.decision.actions import (
    Check,
    Kill,
    LogLine,
    PutInForce,
    Reload,
    RemoveChecksum,
    Start,
    Stop,
    Unregister,
    WriteChecksum,
)
from services.ginit.decision.events import Checked, Confirmed, Ended
from services.ginit.decision.state import Phase
from services.ginit.execute import ActionExecutor
from services.ginit.paths import Paths
from services.ginit.runner import ServiceRunner
from services.ginit.store import StateStore
from services.ginit.throttled_log import ThrottledLog
from tests.services.ginit.edges import Lines, ProcessSupervisor, appliance, definition, healthy, in_a_child, program
from tests.support.waiting import eventually

GOOD = checksum(b"{}")
NEW = b'{"new": 1}'
VALIDATED_BY = 'grep -q new "$2" && { echo "new is bad" >&2; exit 1; }; exit 0'


class Scene:
    """An executor with one service, `one`, that is healthy."""

    def __init__(self, folder):
        self.definition = definition(folder, program=program(folder, VALIDATED_BY))
        self.supervisor = ProcessSupervisor()
        self.runner = ServiceRunner(Paths(folder, folder / "runtime"), self.supervisor, Lines())
        self.store = StateStore(appliance(healthy(self.definition)))
        self.tasks = []
        self.given_up = []
        self.executor = ActionExecutor(
            self.runner, self.store, ThrottledLog(), self._spawn, lambda: self.given_up.append(True)
        )
        self.runner.copies.keep("one", b"{}")
        self.checksum = self.runner.checksum_file(self.definition)

    def _spawn(self, work, name):
        self.tasks.append(asyncio.create_task(work, name=name))

    def becomes(self, **fields):
        self.store.appliance = appliance(replace(self.store.appliance.services[0], **fields))

    async def do(self, *actions):
        for action in actions:
            await self.executor.execute(action)

    async def close(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.supervisor.close()
        self.runner.close()


@pytest.fixture
async def scene(tmp_path):
    made = Scene(tmp_path)
    await made.runner.register(made.definition, 0)
    yield made
    await made.close()


async def test_requests_reach_supervisord(scene):
    await scene.do(PutInForce("one", GOOD), Stop("one"), Reload("one"))
    assert scene.supervisor.asked[1:] == [("set_stop_wait", "one", 3), ("stop", "one"), ("hang_up", "one")]


async def test_action_of_a_service_that_is_gone(scene):
    """It was removed from the config in between."""
    await scene.do(Stop("two"), Start("two"), WriteChecksum("two", GOOD))
    assert scene.supervisor.asked == [("define", "one", 100)]


async def test_start_that_fails_is_posted_as_an_end(scene):
    scene.supervisor.failure = "no such user"
    await scene.do(Start("one"))
    assert await scene.store.next() == Ended("one", "not started: no such user")


async def test_start_that_succeeds_posts_nothing(scene):
    await scene.do(Start("one"))
    assert scene.store.is_idle


async def test_kill(scene, tmp_path):
    scene.becomes(definition=replace(scene.definition, program=program(tmp_path, "exec sleep 60", "sleeper")))
    await scene.do(Start("one"), Kill("one"))
    assert await scene.supervisor.processes["one"].wait() == -signal.SIGKILL


async def test_checksum_file_is_written_and_removed(scene):
    await scene.do(WriteChecksum("one", GOOD))
    assert scene.checksum.read() == GOOD
    await scene.do(RemoveChecksum("one"))
    assert scene.checksum.read() is None


async def test_checksum_file_that_cannot_be_written_at_once(scene, tmp_path):
    """It is tried again as long as the service serves with this config."""
    (tmp_path / "checksum").write_text("no folder")
    await scene.do(WriteChecksum("one", GOOD))
    (tmp_path / "checksum").unlink()
    await eventually(lambda: scene.checksum.read() == GOOD)


@pytest.mark.parametrize("fields", [{"phase": Phase.STARTING}, {"in_force": "other"}])
async def test_checksum_file_that_is_not_wanted_any_more(scene, tmp_path, fields):
    """Whatever could be written now would be wrong."""
    (tmp_path / "checksum").write_text("no folder")
    await scene.do(WriteChecksum("one", GOOD))
    scene.becomes(**fields)
    (tmp_path / "checksum").unlink()
    await asyncio.gather(*scene.tasks)
    assert scene.checksum.read() is None


async def test_validation_result_is_posted(scene):
    sha256 = scene.runner.copies.keep("one", NEW)
    for content, valid, reason in ((GOOD, True, ""), (sha256, False, "new is bad")):
        scene.becomes(checking=content)
        await scene.do(Check("one", content))
        assert await scene.store.next() == Checked(scene.definition, content, valid, reason)


async def test_validation_that_cannot_be_written_at_once(scene, tmp_path):
    (tmp_path / "run").write_text("no folder")
    scene.becomes(checking=GOOD)
    await scene.do(Check("one", GOOD))
    await eventually(lambda: scene.tasks)
    (tmp_path / "run").unlink()
    assert await scene.store.next() == Checked(scene.definition, GOOD, True)


async def test_validation_that_nobody_waits_for(scene):
    """The service was defined anew before the validation began."""
    await scene.do(Check("one", GOOD))
    await asyncio.gather(*scene.tasks)
    assert scene.store.is_idle


async def test_reload_is_confirmed_by_the_checksum_file(scene):
    """Of a service that writes it itself."""
    sha256 = checksum(NEW)
    scene.checksum.write(GOOD)
    scene.becomes(phase=Phase.RELOADING, in_force=sha256, writes_checksum=True)
    await scene.do(Reload("one"))
    scene.checksum.write(sha256)
    assert await scene.store.next() == Confirmed("one")


async def test_reload_that_is_over_otherwise(scene):
    """Refused, or ended: nobody looks at the file any more."""
    scene.becomes(phase=Phase.RELOADING, in_force="new", writes_checksum=True)
    await scene.do(Reload("one"))
    scene.becomes(phase=Phase.HEALTHY)
    await asyncio.gather(*scene.tasks)
    assert scene.store.is_idle


async def test_configs_are_put_in_force(scene):
    """Before anything else is done with them; those that cannot be written are named."""
    services = scene.store.appliance
    assert scene.executor.put_in_force(services, [PutInForce("one", GOOD), PutInForce("two", GOOD)]) == set()
    assert scene.runner.copies.read_in_force(scene.definition) == b"{}"
    folder = scene.runner.copies.in_force(scene.definition).parent
    (folder / f".one.json.{os.getpid()}").mkdir()
    assert scene.executor.put_in_force(services, [PutInForce("one", GOOD)]) == {"one"}


async def test_service_is_unregistered(scene):
    scene.checksum.write(GOOD)
    await scene.do(Unregister(scene.definition))
    assert scene.supervisor.asked[-1] == ("remove", "one")
    assert scene.checksum.read() is None


def test_giving_up_sets_the_exit_code_and_begins_the_end(tmp_path):
    """In a process of its own, because the descriptor has a fixed number."""
    script = """
import asyncio
from services.ginit.decision.actions import GiveUp
from services.ginit.execute import ActionExecutor
executor = ActionExecutor(None, None, None, None, lambda: print("the end begins"))
asyncio.run(executor.execute(GiveUp("one has died")))
"""
    assert in_a_child(script, tmp_path) == ([1], "the end begins\n")


async def test_log_lines(scene, caplog):
    await scene.do(LogLine("WARN", "service ended", {"child": "one"}))
    assert caplog.messages == ["service ended"]
