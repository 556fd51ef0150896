"""Notifications of supervisord become events; a supervisord that does not respond is noticed."""

import pytest

from services.ginit.decision.events import Ended, Stopping, SupervisordStatus
from services.ginit.paths import Paths
from services.ginit.runner import ServiceRunner
from services.ginit.store import StateStore
from services.ginit.supervision import Supervision
from services.ginit.supervisord.listener import Notification
from tests.services.ginit.edges import Lines, ProcessSupervisor, appliance, definition, healthy, program


def notification(event="PROCESS_STATE_EXITED", serial=1, slug="one", pid=77):
    return Notification(event, serial, {"groupname": slug, "pid": str(pid)})


@pytest.fixture
def supervisor():
    return ProcessSupervisor()


@pytest.fixture
def listener():
    return Lines()


@pytest.fixture
def one(tmp_path):
    return definition(tmp_path, "one", program=program(tmp_path, "printf last"))


@pytest.fixture
async def runner(tmp_path, supervisor, listener, one):
    made = ServiceRunner(Paths(tmp_path, tmp_path / "runtime"), supervisor, listener)
    await made.register(one, 0)
    yield made
    await supervisor.close()
    made.close()


@pytest.fixture
def store(one):
    return StateStore(appliance(healthy(one)))


@pytest.fixture
def supervision(supervisor, runner, store):
    return Supervision(supervisor, runner, store)


async def events(supervision, *notifications):
    return [event for one in notifications async for event in supervision.events_of(one)]


@pytest.mark.parametrize("state", ["EXITED", "STOPPED", "FATAL", "UNKNOWN"])
async def test_end_of_a_process(supervision, supervisor, state):
    """However it is called, with what supervisord knows of it."""
    supervisor.statuses["one"] = 3
    assert await events(supervision, notification(f"PROCESS_STATE_{state}")) == [Ended("one", "exit code 3")]


async def test_last_words_come_before_the_end(supervision, runner, supervisor, listener, one):
    """They tell why."""
    await runner.start(one, runner.copies.keep("one", b"{}"))
    await supervisor.processes["one"].wait()
    assert len(await events(supervision, notification(pid=runner.pid("one")))) == 1
    assert listener.lines == [("one", b"last")]


async def test_end_of_a_process_of_the_past(supervision, runner, one):
    """Another one was started meanwhile: the service lives."""
    runner.adopt(one, 78)
    assert await events(supervision, notification(pid=77)) == []


async def test_process_that_belongs_to_no_service(supervision):
    assert await events(supervision, notification(slug="stranger")) == []


async def test_end_of_everything(supervision):
    assert await events(supervision, notification("SUPERVISOR_STATE_CHANGE_STOPPING", slug="")) == [Stopping()]


async def test_event_that_says_nothing(supervision):
    assert await events(supervision, notification("TICK_5")) == []


async def test_notifications_that_were_dropped(supervision, supervisor):
    """supervisord drops the oldest when there are too many: the service whose process is gone has ended."""
    advance, after_gap = notification("TICK_5", 1), notification("TICK_5", 3)
    assert await events(supervision, advance, after_gap) == [Ended("one", "unknown")]
    assert ("all_running",) in supervisor.asked


async def test_dropped_notifications_of_a_service_that_lives(supervision, runner, one, tmp_path):
    program(tmp_path, "exec sleep 60")
    await runner.start(one, runner.copies.keep("one", b"{}"))
    assert await events(supervision, notification("TICK_5", 1), notification("TICK_5", 5)) == []


async def test_no_gap(supervision, supervisor):
    """The first serial number may be any, after a ginit that has ended."""
    await events(supervision, notification("TICK_5", 41), notification("TICK_5", 42))
    assert ("all_running",) not in supervisor.asked


async def test_supervisord_that_does_not_respond(supervision, supervisor, store):
    """A change is posted, and only a change."""
    await supervision.check()
    assert store.is_idle
    supervisor.failure = "timed out"
    await supervision.check()
    assert await store.next() == SupervisordStatus(False)
    store.appliance = appliance(supervisord_responds=False)
    await supervision.check()
    assert store.is_idle
    supervisor.failure = None
    await supervision.check()
    assert await store.next() == SupervisordStatus(True)
