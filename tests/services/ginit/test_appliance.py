"""The parts of ginit, put together. What they do with a real supervisord is in test_life and test_hot_drop."""

import os

import pytest

from gecholog.task_owner import TaskOwner
from services.ginit.appliance import Ginit, _configured_address, _Parts
from services.ginit.config import GinitConfig
from services.ginit.paths import Paths
from services.ginit.state_file import OwnConfig
from tests.services.ginit.edges import appliance, definition, healthy

CONFIG = GinitConfig("sum", 2, ())


@pytest.fixture
async def parts(tmp_path, monkeypatch):
    """The parts, with a service that is healthy: its checksum file and the state file are there."""
    monkeypatch.setenv("SUPERVISOR_SERVER_URL", f"unix://{tmp_path}/none.sock")
    made = _Parts.create(CONFIG, Paths(tmp_path, tmp_path / "runtime"), TaskOwner())
    reading, writing = os.pipe()
    made.listener._incoming = reading  # descriptor 0 is the test's own
    made.store.appliance = appliance(healthy(definition(tmp_path)))
    made.runner.checksum_file(definition(tmp_path)).write("sum")
    made.state_file.write(made.store.appliance, OwnConfig())
    yield made
    os.close(reading)
    os.close(writing)


async def stopped(parts):
    ginit = Ginit(CONFIG, "ginit")
    ginit._parts = parts
    await ginit.stop()


async def test_end_of_ginit_alone(parts, tmp_path):
    """The services go on, and the next ginit finds what it needs."""
    await stopped(parts)
    assert parts.runner.checksum_file(definition(tmp_path)).read() == "sum"
    assert parts.state_file.read().keys() == {"one"}


async def test_end_of_the_appliance(parts, tmp_path, caplog):
    """ginit ends last: no file says any more that anything is healthy."""
    parts.store.appliance = appliance(healthy(definition(tmp_path)), stopping=True)
    await stopped(parts)
    assert parts.runner.checksum_file(definition(tmp_path)).read() is None
    assert not (tmp_path / "run" / "state.json").exists()
    assert caplog.messages == []


async def test_end_of_an_appliance_that_was_given_up(parts, caplog):
    """The reason is the last line of the log."""
    parts.store.appliance = appliance(stopping=True, given_up="one has died")
    await stopped(parts)
    assert caplog.messages == ["the appliance stopped with an error"]


async def test_signals_before_the_start():
    """They may come at any time."""
    ginit = Ginit(CONFIG, "ginit")
    await ginit.reload(CONFIG)
    await ginit.stop()


def test_address_in_the_config_of_a_nats_server(tmp_path):
    """For one that was started before this ginit, which has not seen its log line."""
    bus = definition(tmp_path, "bus", program="/bin/nats-server", content="port: 4333\nhttp_port: 8222")
    assert _configured_address(bus) == ("127.0.0.1", 4333)
    assert _configured_address(definition(tmp_path)) is None
