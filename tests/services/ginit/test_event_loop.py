"""The event loop: one event after the other is decided on, carried out and published."""

import asyncio
import time
from dataclasses import replace

import pytest

from services.ginit.decision.actions import PutInForce, Start
from services.ginit.decision.events import Checked, Ended, Redefined, TimerFired
from services.ginit.decision.state import Phase, ServiceState
from services.ginit.event_loop import EventLoop
from services.ginit.execute import RETRY_S
from services.ginit.store import StateStore
from services.ginit.supervisord.listener import Notification
from tests.services.ginit.edges import appliance, definition, healthy
from tests.support.waiting import eventually

EXITED = Notification("PROCESS_STATE_EXITED", 1, {"groupname": "one", "pid": "77"})


class Parts:
    """The neighbours of the event loop: they note what they are asked for. `full`: services that cannot be written."""

    def __init__(self, store):
        self.store = store
        self.noted = []
        self.published = []
        self.full = set()

    async def events_of(self, notification):
        yield Ended(notification.slug, "exit code 1")
        assert self.store.appliance.services[0].phase is not Phase.HEALTHY, "handled before the next one is asked for"
        yield TimerFired()

    def put_in_force(self, _, actions):
        return {action.name for action in actions if isinstance(action, PutInForce)} & self.full

    async def execute(self, action):
        self.noted.append(action)

    def watch_services(self):
        self.noted.append("watch")

    def drop_unused(self):
        self.noted.append("drop")

    def publish(self):
        self.published.append(self.store.appliance)


@pytest.fixture
def one(tmp_path):
    return definition(tmp_path)


@pytest.fixture
def store(one):
    return StateStore(appliance(healthy(one)))


@pytest.fixture
async def parts(store):
    """The neighbours of an event loop that runs."""
    parts = Parts(store)
    task = asyncio.create_task(EventLoop(store, parts, parts, parts, parts).run())
    yield parts
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def test_event_is_decided_on_and_carried_out(store, parts):
    store.post(Ended("one", "exit code 1"))
    await eventually(lambda: parts.published)
    assert Start("one") in parts.noted
    assert parts.noted[-1] == "drop"
    (published,) = parts.published
    assert published.services[0].phase is Phase.STARTING
    assert store.appliance is published


async def test_notification_of_supervisord_becomes_events(store, parts):
    store.post(EXITED)
    await eventually(lambda: len(parts.published) == 2)
    assert store.appliance.services[0].phase is Phase.STARTING


async def test_timer_fires_when_it_is_due(store, parts, one):
    """Without any event; what it starts sets the next timer."""
    paused = replace(healthy(one), phase=Phase.PAUSING, timer_at=time.monotonic())
    store.appliance = appliance(paused)
    store.post(Ended("nobody", ""))
    await eventually(lambda: Start("one") in parts.noted)
    assert store.appliance.timer_at > time.monotonic()


async def test_services_are_watched_anew_when_ginits_config_changes(store, parts, one):
    store.post(Redefined(((one, store.appliance.services[0].content),), 2))
    await eventually(lambda: parts.published)
    assert "watch" in parts.noted


async def test_config_that_cannot_be_written(store, parts, one):
    """Nothing of the decision counts, and nothing of it is done; the event is handled again in a while."""
    parts.full.add("one")
    store.appliance = appliance(ServiceState(one, Phase.CHECKING, content="new", checking="new"))
    store.post(Checked(one, "new", True))
    await eventually(lambda: parts.published)
    assert store.appliance.services[0].phase is Phase.CHECKING
    assert Start("one") not in parts.noted
    parts.full.clear()
    await eventually(lambda: Start("one") in parts.noted)


async def test_timer_that_cannot_be_handled_does_not_fire_at_once_again(store, parts, one):
    """On a full disk ginit would do nothing else."""
    parts.full.add("one")
    trial = replace(healthy(one), phase=Phase.STARTING, in_force="new", timer_at=time.monotonic())
    store.appliance = appliance(trial)
    store.post(Ended("nobody", ""))
    await eventually(lambda: len(parts.published) == 2)
    fired, start = len(parts.published), time.monotonic()
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(parts.published) == fired or time.monotonic() - start > RETRY_S
    parts.full.clear()
    await eventually(lambda: store.appliance.services[0].phase is Phase.STOPPING)
