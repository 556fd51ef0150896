"""The state of the appliance is published: as a file, as the health of ginit, and by the end of its start."""

import json

import pytest

from gecholog.task_owner import TaskOwner
from services.ginit.decision.state import Phase
from services.ginit.publish import StatePublisher
from services.ginit.state_file import OwnConfig, StateFile
from services.ginit.store import StateStore
from services.ginit.throttled_log import ThrottledLog
from tests.services.ginit.edges import appliance, definition, healthy


@pytest.fixture
def store(tmp_path):
    return StateStore(appliance(healthy(definition(tmp_path), phase=Phase.STARTING, last_good=None)))


@pytest.fixture
def owner():
    return TaskOwner()


@pytest.fixture
def publisher(tmp_path, store, owner):
    own = OwnConfig("/conf/ginit.json")
    return StatePublisher(store, StateFile(tmp_path / "state.json"), owner, ThrottledLog(), own)


def state(tmp_path):
    return json.loads((tmp_path / "state.json").read_text())


def test_health(publisher, store, owner, tmp_path):
    """ginit is healthy when all services are; the file says why not."""
    publisher.publish()
    assert not owner.healthy
    assert state(tmp_path)["problems"] == ["one is starting"]
    store.appliance = appliance(healthy(definition(tmp_path)))
    publisher.publish()
    assert owner.healthy
    assert state(tmp_path)["healthy"]


def test_reason_comes_before_the_health(publisher, owner, tmp_path):
    """Who is told that the appliance is unhealthy finds the reason in the file."""
    seen = []
    owner.on_health_change(lambda: seen.append(state(tmp_path)["problems"]))
    publisher.publish()
    assert seen == [["one is starting"]]


def test_end_of_the_start(publisher, store, tmp_path):
    """Set once, and not by an appliance that was given up."""
    publisher.publish()
    assert not publisher.started.is_set()
    store.appliance = appliance(given_up="one has died")
    publisher.publish()
    assert not publisher.started.is_set()
    store.appliance = appliance(healthy(definition(tmp_path)))
    publisher.publish()
    assert publisher.started.is_set()


def test_refused_config_of_ginit(publisher, tmp_path):
    """At once, and until a valid one follows."""
    publisher.set_refusal("services: must be a list")
    assert state(tmp_path)["refused"] == [
        {"service": "ginit", "file": "/conf/ginit.json", "sha256": None, "reason": "services: must be a list"}
    ]
    publisher.set_refusal("")
    assert state(tmp_path)["refused"] == []


def test_entries_left_out(publisher, tmp_path):
    """With the next state."""
    publisher.set_left_out(({"entry": "service x"},))
    publisher.publish()
    assert state(tmp_path)["left_out"] == [{"entry": "service x"}]


def test_file_that_cannot_be_written(publisher, owner, tmp_path, caplog):
    """It is logged once, and the health is published all the same."""
    (tmp_path / "state.json").mkdir()
    publisher.publish()
    publisher.set_refusal("other")
    assert not owner.healthy
    assert caplog.messages == ["cannot write state file"]
