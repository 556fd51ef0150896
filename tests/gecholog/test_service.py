"""The life of a service, seen from outside: signals, exit codes, the checksum file, the log."""

import asyncio
import hashlib
import signal

import pytest

from gecholog.bus import Bus, BusAddress
from gecholog.errors import BusAway, BusRefused
from gecholog.health import ChecksumFile
from gecholog.logs import Log
from gecholog.service import connect_bus, replacing_bus
from gecholog.task_owner import TaskOwner
from tests.support.waiting import DEADLINE, until


def sum_of(config_file):
    return hashlib.sha256(config_file.path.read_bytes()).hexdigest()


@pytest.fixture
def flag(tmp_path):
    """A file that the service makes when it has got somewhere; some wait until it is removed."""
    return tmp_path / "flag"


def ready(process):
    process.wait_for_log("small is up")
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_it_is_told_to_stop(small_service, config_file, number):
    """While it serves the checksum file names the config; after a signal it is gone, and the exit code is 0."""
    process = ready(small_service())
    assert process.checksum == sum_of(config_file)
    process.signal(number)
    assert process.wait() == 0
    assert process.checksum is None
    assert process.messages()[-3:] == ["stopping", "stopping to serve", "stopped"]
    assert not process.errors


def test_a_stale_checksum_file_is_removed_first(small_service, config_file, flag, tmp_path):
    """What a killed predecessor left behind says nothing while its successor is starting."""
    flag.touch()
    config_file.write(mode="waits", touch=str(flag))
    sign = tmp_path / "app" / "checksum" / ".small_config.sha256"
    sign.parent.mkdir(parents=True)
    sign.write_text("stale")
    process = small_service()
    process.wait_for_log("starting to start")
    assert process.checksum is None
    flag.unlink()
    ready(process)
    process.kill()
    assert process.checksum == sum_of(config_file)
    ready(small_service())


def test_term_while_starting(small_service, config_file, flag):
    """SIGTERM does not wait for a start that takes long; what was begun is stopped."""
    config_file.write(mode="start hangs", touch=str(flag))
    process = small_service()
    until(flag.exists)
    assert process.stop() == 0
    assert process.checksum is None
    assert process.messages()[-3:] == ["stopping", "stopping to serve", "stopped"]


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("start fails", "the bus refuses the token"), ("task fails", "the disk is gone")],
)
def test_failures_end_the_service(small_service, config_file, mode, reason):
    """A start or a background task that fails ends the process with exit code 1 and one line that says why."""
    config_file.write(mode=mode)
    process = small_service()
    assert process.wait() == 1
    [entry] = [entry for entry in process.entries if entry["level"] == "ERROR"]
    assert (entry["msg"], entry["reason"]) == ("cannot go on", reason)
    assert "traceback" not in entry
    assert process.checksum is None
    assert process.messages()[-1] == "stopped"


@pytest.mark.parametrize("mode", ["start breaks", "task breaks"])
def test_bugs_end_the_service(small_service, config_file, mode):
    """An error that nobody expected ends the process, too; its traceback is in the log, on one line."""
    config_file.write(mode=mode)
    process = small_service()
    assert process.wait() == 1
    [entry] = [entry for entry in process.entries if entry["level"] == "ERROR"]
    assert "RuntimeError: a bug" in entry["traceback"]
    assert not process.errors


def test_a_stop_that_breaks(small_service, config_file):
    """Whatever happens in `stop`, the process ends."""
    config_file.write(mode="stop breaks")
    process = ready(small_service())
    assert process.stop() == 0
    assert "not stopped cleanly" in process.messages()
    assert process.checksum is None


def test_second_process_of_one_name(small_service, config_file):
    """It leaves the checksum file of the first alone, at its start and at its end; the next one after both has it."""
    first = ready(small_service())
    second = ready(small_service())
    assert "another process has this name and home, its checksum file is left alone" in second.messages()
    assert second.stop() == 0
    assert first.checksum == sum_of(config_file)
    second = ready(small_service())
    first.stop()
    until(lambda: second.checksum == sum_of(config_file))
    assert second.stop() == 0
    assert second.checksum is None
    first = ready(small_service())
    first.kill()
    third = ready(small_service())
    assert third.checksum == sum_of(config_file)
    assert third.stop() == 0
    assert third.checksum is None


def test_background_tasks_end(small_service, config_file):
    """Tasks that still run after `stop` are cancelled."""
    config_file.write(mode="leaves a task")
    assert ready(small_service()).stop() == 0


@pytest.mark.parametrize("mode", ["good", "stop lasts"])
def test_many_terms(small_service, config_file, flag, mode):
    """However many signals come, and however late: the service stops once, with exit code 0."""
    config_file.write(mode=mode, touch=str(flag))
    process = ready(small_service())
    process.signal(signal.SIGTERM)
    if mode == "stop lasts":
        until(flag.exists)
        assert process.checksum is None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process.signal(number)
        flag.unlink()
    while process.is_running:
        process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert process.messages().count("stopping to serve") == 1


def test_reload(small_service, config_file):
    """SIGHUP: the file is read again, and the checksum file names the new one. The log level changes with it."""
    process = ready(small_service())
    config_file.write(log_level="DEBUG")
    process.hang_up()
    process.wait_for_log("config in force")
    assert process.checksum == sum_of(config_file)
    config_file.write(log_level="DEBUG", number=1)
    process.hang_up()
    process.wait_for_log("config in force", times=2)
    assert "a detail of the reload" in process.messages()
    assert process.stop() == 0


@pytest.mark.parametrize("mode", ["reload fails", "reload breaks", "cannot be built", ""])
def test_a_reload_that_fails_changes_nothing(small_service, config_file, mode):
    """A config that is not valid, or cannot be put in force, leaves all as it was: checksum file and log level too."""
    process = ready(small_service())
    before = process.checksum
    config_file.write(mode=mode, log_level="DEBUG")
    process.hang_up()
    entry = process.wait_for_log("config not taken")
    assert entry["level"] == "ERROR"
    assert ("traceback" in entry) == (mode == "reload breaks")
    assert process.checksum == before
    config_file.write(number=2)
    process.hang_up()
    process.wait_for_log("config in force")
    assert "DEBUG" not in {entry["level"] for entry in process.entries}
    assert process.stop() == 0


def test_a_reload_that_would_lose_an_entry(small_service, config_file):
    """An entry in force that is wrong in the new file: nothing changes. Deleting it, and bringing it back, may be."""
    config_file.write(entries=[{"name": "kept"}, {"name": "other"}])
    process = ready(small_service())
    before = process.checksum
    config_file.write(entries=[{"name": "kept"}, {"name": "other", "size": 10}])
    process.hang_up()
    entry = process.wait_for_log("config not taken")
    assert (entry["path"], entry["consequence"]) == (
        "entries[1].size",
        "entry other is in force now and would be lost",
    )
    assert process.checksum == before
    config_file.write(entries=[{"name": "kept"}])
    process.hang_up()
    process.wait_for_log("config in force")
    config_file.write(entries=[{"name": "kept"}, {"name": "other", "size": 10}])
    process.hang_up()
    process.wait_for_log("config in force", times=2)
    assert process.checksum == sum_of(config_file)
    assert process.stop() == 0


def test_what_is_left_out_is_told(small_service, config_file, tmp_path):
    """Beside the checksum file lies what is left out of the config in force; it changes and goes with it."""
    sign = ChecksumFile.of("small", tmp_path / "app")
    config_file.write(entries=[{"name": "kept"}, {"name": "other", "size": 10}])
    process = ready(small_service())
    report = sign.read_report()
    assert report["checksum"] == process.checksum
    assert [one["entry"] for one in report["left_out"]] == ["entry other"]
    config_file.write(entries=[{"name": "kept"}])
    process.hang_up()
    process.wait_for_log("config in force")
    assert sign.read_report() == {"checksum": process.checksum, "left_out": [], "warnings": []}
    assert process.stop() == 0
    assert sign.read_report() is None
    assert not sign.report_path.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00"])
def test_a_reload_of_what_is_no_config(small_service, config_file, text):
    """A file that an editor has half written is said to be so."""
    process = ready(small_service())
    before = process.checksum
    config_file.write(text=text)
    process.hang_up()
    assert process.wait_for_log("config not taken")["file"] == str(config_file.path)
    assert process.checksum == before
    config_file.path.unlink()
    process.hang_up()
    assert "cannot be read" in process.wait_for_log("config not taken", times=2)["rule"]
    assert process.stop() == 0


def test_a_hang_up_while_starting_is_kept(small_service, config_file, flag):
    """SIGHUP before the service is up: the file is read again as soon as it is."""
    flag.touch()
    config_file.write(mode="waits", touch=str(flag))
    process = small_service()
    process.wait_for_log("starting to start")
    config_file.write(number=3)
    process.hang_up()
    assert process.checksum is None
    flag.unlink()
    process.wait_for_log("config in force")
    assert process.checksum == sum_of(config_file)
    assert process.stop() == 0


def test_hang_ups_during_a_reload_count_once_more(small_service, config_file, flag):
    """However many hang-ups come while a reload runs: the file is read once more, so that the last content counts."""
    process = ready(small_service())
    config_file.write(mode="reload lasts", touch=str(flag))
    process.hang_up()
    until(flag.exists)
    config_file.write(number=4)
    for _ in range(5):
        process.hang_up()
    flag.unlink()
    process.wait_for_log("config in force", times=2)
    assert process.checksum == sum_of(config_file)
    assert process.stop() == 0


@pytest.mark.parametrize("mode", ["reload hangs", "reload lasts"])
def test_term_during_a_reload(small_service, config_file, flag, mode):
    """A reload that is under way when the service stops does not bring the checksum file back."""
    process = ready(small_service())
    config_file.write(mode=mode, touch=str(flag))
    process.hang_up()
    until(flag.exists)
    assert process.stop() == 0
    assert process.checksum is None
    assert "config in force" not in process.messages()


def test_a_reload_that_is_read_while_the_service_stops(small_service, config_file, flag, tmp_path):
    """The thread that reads a config is not waited for in `stop`, and what it brings is not put in force."""
    stopping = tmp_path / "stopping"
    config_file.write(mode="stop lasts", touch=str(stopping))
    process = ready(small_service())
    config_file.write(mode="build lasts", touch=str(flag))
    process.hang_up()
    until(flag.exists)
    process.signal(signal.SIGTERM)
    until(stopping.exists)
    assert process.checksum is None
    flag.unlink()
    stopping.unlink()
    assert process.wait() == 0
    assert process.checksum is None
    assert "config in force" not in process.messages()


def test_a_home_that_cannot_be_written(small_service, config_file, tmp_path):
    """Without a place for its checksum file a service serves nevertheless, and says so."""
    home = tmp_path / "app"
    home.mkdir()
    (home / "checksum").write_text("a file where a folder should be")
    process = ready(small_service())
    assert "checksum file not written" in process.messages()
    config_file.write(number=5)
    process.hang_up()
    process.wait_for_log("config in force")
    assert process.stop() == 0


@pytest.fixture
def on_the_bus(small_service, config_file, plain_nats_server):
    """Starts the small service as a processor, with a token."""

    def start(token="${NATS_TOKEN}"):
        config_file.write(mode="bus", hostname=plain_nats_server.hostname, token=token)
        return small_service(env={"NATS_TOKEN": plain_nats_server.token})

    return start


def test_a_bus_that_refuses(on_the_bus, plain_nats_server):
    """A token that is refused ends the service with exit code 1 and one line; the token is not in it."""
    process = on_the_bus("NotTheToken")
    assert process.wait() == 1
    [entry] = [entry for entry in process.entries if entry["level"] == "ERROR"]
    assert "refuses the token" in entry["reason"]
    assert "NotTheToken" not in process.output
    assert process.checksum is None


def test_a_bus_that_comes_back(on_the_bus, plain_nats_server):
    """A bus that is killed and comes back does not end the service; with another token it does."""
    process = ready(on_the_bus())
    plain_nats_server.kill()
    process.wait_for_log("lost the bus")
    plain_nats_server.start()
    process.wait_for_log("connected to the bus", times=2)
    plain_nats_server.kill()
    plain_nats_server.token = "AnotherToken"
    plain_nats_server.start()
    assert process.wait() == 1
    assert process.entries[-3]["msg"] == "cannot go on"
    assert process.checksum is None


def test_term_while_the_bus_is_away(on_the_bus, plain_nats_server):
    """A service that waits for the bus at its start, and one that has lost it, stop when told."""
    plain_nats_server.stop()
    process = on_the_bus()
    process.wait_for_log("waiting for the bus")
    assert process.checksum is None
    assert process.stop() == 0
    plain_nats_server.start()
    process = ready(on_the_bus())
    plain_nats_server.kill()
    process.wait_for_log("lost the bus")
    assert process.stop() == 0


class TestConnectBus:
    """A bus that is reached, and then lives beside the service."""

    @pytest.fixture
    async def owner(self):
        made = TaskOwner()
        yield made
        await made.cancel_all()

    @staticmethod
    def bus(server, token=None):
        return Bus(BusAddress.of(server.hostname, token or server.token), "test", Log("test"))

    @staticmethod
    def bus_at(port):
        return Bus(BusAddress.of(f"127.0.0.1:{port}", "AnyToken"), "test", Log("test"))

    @staticmethod
    def alone():
        """No task is left but the test's own."""
        return asyncio.all_tasks() == {asyncio.current_task()}

    async def test_reached(self, plain_nats_server, owner):
        """It is connected, stays so for as long as the service lives, and ends without harm when it is left."""
        bus = self.bus(plain_nats_server)
        await connect_bus(owner, bus, DEADLINE)
        assert bus.connected
        assert {task.get_name() for task in asyncio.all_tasks()} >= {"bus"}
        await bus.close()
        await owner.cancel_all()
        assert owner.failure is None
        assert self.alone()

    async def test_refused_later(self, plain_nats_server, owner):
        """A bus that was reached and refuses the token when it comes back ends the service."""
        await connect_bus(owner, self.bus(plain_nats_server), DEADLINE)
        await asyncio.to_thread(plain_nats_server.kill)
        plain_nats_server.token = "AnotherToken"
        await asyncio.to_thread(plain_nats_server.start)
        async with asyncio.timeout(DEADLINE):
            await owner.ending.wait()
        assert isinstance(owner.failure, BusRefused)

    async def test_refused(self, plain_nats_server, owner):
        """A refusal is raised, at once and without harm to the service."""
        with pytest.raises(BusRefused) as caught:
            await connect_bus(owner, self.bus(plain_nats_server, "NotTheToken"))
        assert "NotTheToken" not in str(caught.value)
        assert owner.failure is None
        assert self.alone()

    async def test_away(self, free_port, owner):
        """A bus that is not there is looked for no longer than it was said."""
        with pytest.raises(BusAway, match=str(free_port)):
            await connect_bus(owner, self.bus_at(free_port), 0.2)
        assert not owner.ending.is_set()
        assert self.alone()

    async def test_for_as_long_as_it_takes(self, plain_nats_server, owner):
        """Without a limit a bus that comes later is waited for."""
        await asyncio.to_thread(plain_nats_server.stop)
        bus = self.bus(plain_nats_server)
        connecting = asyncio.create_task(connect_bus(owner, bus))
        await asyncio.wait({connecting}, timeout=0.2)
        await asyncio.to_thread(plain_nats_server.start)
        async with asyncio.timeout(DEADLINE):
            await connecting
        assert bus.connected

    async def test_someone_silent(self, owner):
        """Who takes the connection and says nothing is no bus; the connection is closed."""
        ended = asyncio.Event()

        async def listen(reader, writer):
            await reader.read()
            writer.close()
            ended.set()

        async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(BusAway):
                await connect_bus(owner, self.bus_at(port), 0.2)
            async with asyncio.timeout(DEADLINE):
                await ended.wait()
        assert not owner.ending.is_set()

    async def test_given_up(self, free_port, owner):
        """A service that is told to stop while it looks for the bus leaves nothing behind."""
        connecting = asyncio.create_task(connect_bus(owner, self.bus_at(free_port)))
        await asyncio.wait({connecting}, timeout=0.2)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert self.alone()

    async def test_left_before_it_is_reached(self, free_port, owner):
        """A bus that is closed while it is looked for is not reached."""
        bus = self.bus_at(free_port)
        connecting = asyncio.create_task(connect_bus(owner, bus))
        await asyncio.wait({connecting}, timeout=0.2)
        await bus.close()
        with pytest.raises(BusAway):
            await connecting
        assert self.alone()

    async def test_replaced(self, plain_nats_server, owner):
        """A new bus is connected in the block, and stays connected after it."""
        bus = self.bus(plain_nats_server)
        async with replacing_bus(owner, bus):
            assert bus.connected
        assert bus.connected

    async def test_not_replaced(self, plain_nats_server, free_port, owner):
        """If the block fails, or the bus refuses the token, the new bus is closed and the service continues."""
        bus = self.bus(plain_nats_server)
        with pytest.raises(OSError, match="port taken"):
            async with replacing_bus(owner, bus):
                raise OSError("port taken")
        assert not bus.connected
        with pytest.raises(BusRefused):
            async with replacing_bus(owner, self.bus(plain_nats_server, "NotTheToken")):
                pytest.fail("not connected")
        await owner.cancel_all()
        assert not owner.ending.is_set()
        assert self.alone()

    async def test_nothing_to_replace(self, owner):
        """Without a new bus the block is all that happens."""
        async with replacing_bus(owner, None):
            assert self.alone()


def test_a_file_of_a_value_is_written(small_service, config_file, tmp_path):
    """The config is reloaded, although the config file is the same."""
    key = tmp_path / "key"
    key.write_text("first\n", "utf-8")
    config_file.write(mode="good", secret=f"${{file:{key}}}")
    process = small_service()
    ready(process)
    key.write_text("second\n", "utf-8")
    process.wait_for_log("config in force")
    key.write_text("NOT ALLOWED\n", "utf-8")
    process.wait_for_log("config not taken")
    assert "NOT ALLOWED" not in process.output
    assert process.stop() == 0
