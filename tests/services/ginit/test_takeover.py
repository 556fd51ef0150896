"""What a new ginit makes of the processes that the one before has left."""

import pytest

from gecholog.config import checksum
from services.ginit.config_files import ConfigFiles
from services.ginit.decision.state import AfterStop, Phase
from services.ginit.paths import Paths
from services.ginit.runner import ServiceRunner
from services.ginit.store import StateStore
from services.ginit.takeover import Takeover
from tests.services.ginit.edges import Lines, ProcessSupervisor, appliance, definition, program

OLD, NEW = checksum(b"{}"), checksum(b'{"new": 1}')


@pytest.fixture
def supervisor():
    return ProcessSupervisor()


@pytest.fixture
async def runner(tmp_path, supervisor):
    made = ServiceRunner(Paths(tmp_path, tmp_path / "runtime"), supervisor, Lines())
    yield made
    await supervisor.close()
    made.close()


@pytest.fixture
def one(tmp_path):
    return definition(tmp_path, program=program(tmp_path, "exec sleep 60"))


@pytest.fixture
def find(supervisor, runner):
    """Find these services; `before` is what is in the state file."""

    async def found(*definitions, before=None):
        files = ConfigFiles(StateStore(appliance()), runner.copies, None)
        return await Takeover(supervisor, runner, files, before or {}).services(definitions)

    return found


@pytest.fixture
async def left(runner, one):
    """The pid of `one`, which an earlier ginit has started, and that is healthy."""
    await runner.register(one, 0)
    sha256 = runner.copies.keep("one", b"{}")
    await runner.start(one, sha256)
    pid = runner.pid("one")
    runner.checksum_file(one).write(sha256)
    runner._pids.clear()
    return pid


async def test_first_ginit(find, one, tmp_path, supervisor):
    """Nothing runs: the services begin, in the order of the config, each with the content of its file."""
    two = definition(tmp_path, "two")
    two.configuration_file.unlink()
    first, second = await find(one, two)
    assert (first.name, first.phase, first.content) == ("one", Phase.WAITING, OLD)
    assert (second.name, second.content, second.missing) == ("two", None, "is not there")
    assert supervisor.asked == [("all_running",), ("define", "one", 100), ("define", "two", 101)]


async def test_healthy_service_goes_on(find, left, one, runner, supervisor):
    """As the same process, with the config that it has, also if its file has changed meanwhile."""
    one.configuration_file.write_text('{"new": 1}')
    (service,) = await find(one)
    assert (service.phase, service.content) == (Phase.HEALTHY, NEW)
    assert service.in_force == service.last_good == service.last_checked == OLD
    assert runner.pid("one") == left
    assert ("stop", "one") not in supervisor.asked


async def test_what_the_state_file_knows(find, left, one):
    """How the service takes a new config, and how often it was started."""
    (service,) = await find(one, before={"one": {"writes_checksum": True, "starts": 7}})
    assert (service.writes_checksum, service.starts) == (True, 7)
    (service,) = await find(one)
    assert (service.writes_checksum, service.starts) == (False, 1)


async def test_config_in_force_can_be_put_back(find, left, one, runner):
    """Its content is known, for a roll-back."""
    await find(one)
    assert runner.copies.candidate(one, OLD).read_bytes() == b"{}"


async def test_service_without_a_checksum_file_is_restarted(find, left, one, runner, supervisor):
    """Nobody knows whether it was healthy."""
    runner.checksum_file(one).remove()
    (service,) = await find(one)
    assert (service.phase, service.after_stop) == (Phase.STOPPING, AfterStop.BEGIN)
    assert supervisor.asked[-1] == ("stop", "one")


async def test_service_with_another_config_is_restarted(find, left, one, runner):
    runner.checksum_file(one).write(NEW)
    (service,) = await find(one)
    assert service.phase is Phase.STOPPING


async def test_service_whose_config_is_gone_is_restarted(find, left, one, runner):
    runner.copies.in_force(one).unlink()
    (service,) = await find(one)
    assert service.phase is Phase.STOPPING


async def test_process_that_belongs_to_no_service_is_stopped(find, left, supervisor, caplog):
    """The config has changed while no ginit was there. ginit's own process is left alone."""
    await find()
    assert supervisor.asked[-1] == ("stop", "one")
    assert "stopping a process that belongs to no service" in caplog.messages


async def test_ginit_does_not_stop_itself(find, left, supervisor, monkeypatch):
    monkeypatch.setenv("SUPERVISOR_GROUP_NAME", "one")
    await find()
    assert ("stop", "one") not in supervisor.asked
