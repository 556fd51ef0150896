"""The config files of services and of ginit itself: what is posted when they change."""

import asyncio
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from gecholog.config import checksum
from services.ginit.config_files import ConfigFiles, own_file, reason
from services.ginit.copies import Copies
from services.ginit.decision.events import ContentChanged, TimerFired
from services.ginit.store import StateStore
from services.ginit.watch import Unreadable
from tests.services.ginit.edges import appliance, definition, healthy
from tests.support.waiting import eventually


@pytest.fixture
def one(tmp_path):
    return definition(tmp_path)


@pytest.fixture
def store(one):
    return StateStore(appliance(healthy(one)))


@pytest.fixture
def copies(tmp_path):
    return Copies(tmp_path / "run")


@pytest.fixture
async def watched(store, copies, tmp_path):
    """The config files, watched, with one of ginit's own."""
    own = tmp_path / "ginit.json"
    own.write_text("{}")
    files = ConfigFiles(store, copies, own)
    for service in store.appliance.services:
        files.read(service.definition)
    files.watch_services()
    task = asyncio.create_task(files.run())
    yield files
    task.cancel()
    await asyncio.wait([task])


def test_own_file():
    """The launcher names it; its path is absolute, whatever the working directory becomes."""
    assert own_file({}) is None
    assert own_file({"GECHOLOG_GINIT_CONFIG": "conf/x.json"}) == Path.cwd() / "conf" / "x.json"


def test_reason():
    assert reason(b"{}") == ""
    assert reason(Unreadable("is a FIFO")) == "is a FIFO"


def test_read_keeps_the_content(one, store, copies):
    """So that the very bytes that were read can be validated and put in force later."""
    files = ConfigFiles(store, copies, None)
    sha256, missing = files.read(one)
    assert (sha256, missing) == (checksum(b"{}"), "")
    one.configuration_file.write_text("other")
    assert copies.candidate(one, sha256).read_bytes() == b"{}"


def test_read_of_a_file_that_is_missing(one, store, copies):
    one.configuration_file.unlink()
    assert ConfigFiles(store, copies, None).read(one) == (None, "is not there")


async def test_change_is_posted(one, store, watched):
    one.configuration_file.write_text('{"a": 1}')
    event = await store.next()
    assert event == ContentChanged("one", checksum(b'{"a": 1}'), "")


async def test_file_that_goes_away_is_posted_with_the_reason(one, store, watched):
    one.configuration_file.unlink()
    assert await store.next() == ContentChanged("one", None, "is not there")


async def test_file_that_is_not_watched(one, store, watched, tmp_path):
    """A later change of another service is posted, and this one never."""
    other = definition(tmp_path, "two")
    store.appliance = appliance(healthy(replace(one, watched=False)), healthy(other))
    watched.read(other)
    watched.watch_services()
    one.configuration_file.write_text('{"a": 1}')
    other.configuration_file.write_text('{"b": 1}')
    assert await store.next() == ContentChanged("two", checksum(b'{"b": 1}'), "")
    assert store.is_idle


async def test_file_of_ginit_itself(watched, tmp_path):
    """ginit is asked to reload as anybody would ask it: by SIGHUP."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
    (tmp_path / "ginit.json").write_text('{"a": 1}')
    await asked.wait()
    asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)


async def test_file_of_ginit_itself_that_is_missing(watched, tmp_path, caplog):
    """That is logged, and nobody reloads a file that is not there."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
    (tmp_path / "ginit.json").unlink()
    await eventually(lambda: "config file is missing, the config in force stays" in caplog.messages)
    assert not asked.is_set()
    asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)


def test_contents_in_use_stay(one, store, copies):
    """What is in force, was good or is being validated is kept; the rest is dropped."""
    files = ConfigFiles(store, copies, None)
    kept = {name: copies.keep("one", name.encode()) for name in ("content", "checking", "in_force", "last_good")}
    unused = copies.keep("one", b"unused")
    store.appliance = appliance(replace(healthy(one), **kept))
    files.drop_unused()
    for name, sha256 in kept.items():
        assert copies.candidate(one, sha256).read_bytes() == name.encode()
    with pytest.raises(KeyError):
        copies.candidate(one, unused)


def test_contents_stay_while_an_event_waits(one, store, copies):
    """It may bring one of them into use."""
    files = ConfigFiles(store, copies, None)
    sha256 = copies.keep("one", b"unused")
    store.post(TimerFired())
    files.drop_unused()
    assert copies.candidate(one, sha256).read_bytes() == b"unused"
