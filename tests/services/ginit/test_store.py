"""The state, and the events that wait."""

from services.ginit.decision.events import Ended, Stopping
from services.ginit.store import StateStore
from tests.services.ginit.edges import appliance, definition, healthy


async def test_events_come_in_order(tmp_path):
    """Of whatever kind."""
    store = StateStore(appliance())
    assert store.is_idle
    store.post(Ended("one", "exit code 1"))
    store.post(Stopping())
    assert not store.is_idle
    assert [await store.next(), await store.next()] == [Ended("one", "exit code 1"), Stopping()]
    assert store.is_idle


def test_current_state(tmp_path):
    """A function that was handed out before a change tells the state after it."""
    store = StateStore(appliance())
    current = store.current
    store.appliance = appliance(healthy(definition(tmp_path)))
    assert current() is store.appliance
