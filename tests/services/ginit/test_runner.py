"""Services are run: their pipes, copies, start scripts and signals. With real processes, and no supervisord."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from gecholog.config import checksum
from services.ginit.decision.events import Checked, CheckTimedOut, Ended
from services.ginit.paths import Paths
from services.ginit.runner import ServiceRunner, _end
from tests.services.ginit.edges import Lines, ProcessSupervisor, appliance, definition, healthy, in_a_child, program
from tests.support.waiting import eventually

ECHO = 'echo "$@"; echo "one is ready"; exec sleep 60'


@pytest.fixture
def listener():
    return Lines()


@pytest.fixture
def supervisor():
    return ProcessSupervisor()


@pytest.fixture
async def runner(tmp_path, supervisor, listener):
    made = ServiceRunner(Paths(tmp_path, tmp_path / "runtime"), supervisor, listener)
    yield made
    await supervisor.close()
    made.close()


def is_alive(pid):
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def started(runner, service, content=b"{}"):
    """Register a service and start it with a content."""
    await runner.register(service, 3)
    sha256 = runner.copies.keep(service.name, content)
    assert await runner.start(service, sha256) is None
    return runner.pid(service.name)


async def test_register(runner, supervisor, tmp_path):
    """The service has a pipe, and supervisord knows it; doing so again only changes its priority."""
    one = definition(tmp_path)
    await runner.register(one, 3)
    assert (tmp_path / "runtime" / "output" / "one").is_fifo()
    pipe = runner._pipes["one"]
    await runner.register(one, 4)
    assert runner._pipes["one"] is pipe
    assert supervisor.asked == [("define", "one", 103), ("define", "one", 104)]


async def test_start(runner, listener, tmp_path):
    """From the copy in force, with its arguments; the output names the user's own file, and is listened to."""
    one = definition(tmp_path, program=program(tmp_path, ECHO), additional_arguments=("-a", "x y"))
    pid = await started(runner, one)
    assert is_alive(pid)
    await eventually(lambda: listener.healthy)
    assert listener.lines[0] == ("one", f"-o {one.configuration_file} -a x y".encode())
    assert runner.copies.read_in_force(one) == b"{}"


async def test_start_removes_the_old_checksum_file(runner, tmp_path):
    """A service that is starting must not look healthy."""
    one = definition(tmp_path, program=program(tmp_path, "exec sleep 60"))
    runner.checksum_file(one).write("old")
    await started(runner, one)
    assert runner.checksum_file(one).read() is None


async def test_start_with_a_pipe_that_was_removed(runner, listener, tmp_path):
    one = definition(tmp_path, program=program(tmp_path, ECHO))
    await runner.register(one, 0)
    (tmp_path / "runtime" / "output" / "one").unlink()
    await started(runner, one)
    await eventually(lambda: listener.healthy)


async def test_start_that_fails(runner, supervisor, tmp_path):
    """The reason is that of supervisord; no process is known, not even the one before."""
    one = definition(tmp_path)
    assert await started(runner, one)
    supervisor.failure = "no such user"
    sha256 = runner.copies.keep("one", b"{}")
    assert await runner.start(one, sha256) == Ended("one", "not started: no such user")
    assert runner.pid("one") == 0


async def test_nats_server_gets_jetstream_and_a_memory_limit(runner, listener, tmp_path, monkeypatch):
    """Unless its config mentions JetStream itself."""
    monkeypatch.delenv("GOMEMLIMIT", raising=False)
    bus = definition(tmp_path, "bus", program=program(tmp_path, 'echo "$GOMEMLIMIT $*"', "nats-server"))
    await started(runner, bus, b"port: 4222")
    await eventually(lambda: listener.lines)
    store = tmp_path / "nats"
    assert listener.lines[0][1] == f"640MiB -o {bus.configuration_file} -js -sd {store}".encode()
    sha256 = runner.copies.keep("bus", b"jetstream: {}")
    runner.copies.put_in_force(bus, sha256)
    assert await runner.start(bus, sha256) is None
    await eventually(lambda: len(listener.lines) == 2)
    assert b"-js" not in listener.lines[1][1]


async def test_which_process_is_current(runner, tmp_path):
    """Without a known process, any may be; else only that one."""
    one = definition(tmp_path)
    assert runner.pid("one") == 0
    assert runner.is_current("one", 7)
    runner.adopt(one, 8)
    assert runner.is_current("one", 8)
    assert not runner.is_current("one", 7)


@pytest.mark.parametrize(("status", "how"), [(3, "exit code 3"), (-1, "a signal")])
async def test_exit_reason(runner, supervisor, listener, tmp_path, status, how):
    """With the last error that the process has logged."""
    error = '{"level":"ERROR","msg":"cannot go on","reason":"no disk"}'
    one = definition(tmp_path, program=program(tmp_path, f"echo '{error}'"))
    await started(runner, one)
    supervisor.statuses["one"] = status
    await eventually(lambda: listener.lines)
    assert await runner.exit_reason(one) == f"{how}, cannot go on: no disk"


async def test_exit_reason_without_supervisord(runner, supervisor, tmp_path):
    supervisor.failure = "it does not respond"
    assert await runner.exit_reason(definition(tmp_path)) == "unknown"


async def test_exit_reason_is_that_of_the_last_process(runner, listener, tmp_path):
    """The errors of the process before do not count."""
    one = definition(tmp_path, program=program(tmp_path, 'echo \'{"level":"ERROR","msg":"first"}\''))
    await started(runner, one)
    await eventually(lambda: listener.lines)
    program(tmp_path, "exit 0")
    await started(runner, one)
    assert await runner.exit_reason(one) == "exit code 0"


async def test_check(runner, tmp_path):
    """The validation reads a copy of the content, not the file that may change meanwhile."""
    one = definition(tmp_path, program=program(tmp_path, 'cat "$2" >"$0.seen"; grep -q good "$2"'))
    await runner.register(one, 0)
    good, bad = runner.copies.keep("one", b"good"), runner.copies.keep("one", b"bad")
    assert await runner.check(one, good, None) == Checked(one, good, True, "")
    assert await runner.check(one, bad, good) == Checked(one, bad, False, "")
    assert (tmp_path / "program.seen").read_bytes() == b"bad"


async def test_check_that_does_not_end_in_time(tmp_path, supervisor, listener):
    one = definition(tmp_path, program=program(tmp_path, "sleep 60"))
    runner = ServiceRunner(Paths(tmp_path, tmp_path / "runtime"), supervisor, listener, 0.2)
    sha256 = runner.copies.keep("one", b"{}")
    assert await runner.check(one, sha256, None) == CheckTimedOut(one, sha256, 0.2)
    runner.close()


async def test_check_says_why_a_content_is_invalid(runner, tmp_path):
    """The field and its rule, out of what the program has logged."""
    script = """echo '{"level":"ERROR","msg":"config not valid","path":"a.b","rule":"must be a list"}'; exit 1"""
    one = definition(tmp_path, program=program(tmp_path, script))
    await runner.register(one, 0)
    sha256 = runner.copies.keep("one", b"bad")
    result = await runner.check(one, sha256, None)
    assert (result.valid, result.reason) == (False, "a.b: must be a list")


async def test_check_restores_what_is_in_force(runner, tmp_path):
    """A service of ours compares with it; someone may have removed the copy."""
    one = definition(tmp_path)
    await runner.register(one, 0)
    old, new = runner.copies.keep("one", b"old"), runner.copies.keep("one", b"new")
    await runner.check(one, new, old)
    assert runner.copies.read_in_force(one) == b"old"


async def test_time_to_stop_follows_the_config(runner, supervisor, tmp_path):
    """A gateway that lets calls end needs longer than the usual three seconds."""
    one = definition(tmp_path)
    runner.copies.put_in_force(one, runner.copies.keep("one", b'{"shutdown_timeout_ms": 20000}'))
    await runner.set_stop_wait(one)
    assert supervisor.asked == [("set_stop_wait", "one", 23)]


async def test_request_that_fails_is_logged(runner, supervisor, tmp_path, caplog):
    """ginit goes on: the service may be asked again."""
    supervisor.failure = "BAD_NAME"
    for request in (runner.stop, runner.reload, runner.set_stop_wait):
        await request(definition(tmp_path))
    assert caplog.messages == ["supervisord request failed"] * 3


async def test_kill_reaches_the_children(runner, tmp_path):
    script = 'sleep 60 & echo $! >"$0.child"; wait'
    one = definition(tmp_path, program=program(tmp_path, script))
    await started(runner, one)
    file = tmp_path / "program.child"
    child = int(await eventually(lambda: file.exists() and file.read_text().strip()))
    await runner.kill(one)
    await eventually(lambda: not is_alive(child))


async def test_kill_of_a_process_that_is_another_by_now(runner, tmp_path):
    """supervisord has started the service again: its process is left alone."""
    one = definition(tmp_path, program=program(tmp_path, "exec sleep 60"))
    pid = await started(runner, one)
    runner.adopt(one, pid + 1)
    await runner.kill(one)
    assert is_alive(pid)


async def test_drain_takes_what_was_written(runner, listener, supervisor, tmp_path):
    """The last words of a process are in the log before its end is reported; unknown names are no error."""
    one = definition(tmp_path, program=program(tmp_path, "printf last"))
    await started(runner, one)
    await supervisor.processes["one"].wait()
    runner.drain(["one", "two"])
    assert listener.lines == [("one", b"last")]


async def test_unregister(runner, supervisor, tmp_path):
    """Nothing of it is left: pipe, contents, checksum file, process."""
    one = definition(tmp_path)
    await started(runner, one)
    runner.checksum_file(one).write("sum")
    await runner.unregister(one)
    assert not (tmp_path / "runtime" / "output" / "one").exists()
    assert runner.checksum_file(one).read() is None
    assert runner.pid("one") == 0
    assert supervisor.asked[-1] == ("remove", "one")
    with pytest.raises(KeyError):
        runner.copies.candidate(one, checksum(b"{}"))


async def test_end_without_supervisord(runner, tmp_path):
    """The gateway first, the bus last; who does not end in time is killed."""
    written = f"trap 'echo $0 >>{tmp_path}/ends; exit 0' TERM; echo up >>$0.up; while :; do sleep 0.01; done"
    services = [
        definition(tmp_path, "bus", program=program(tmp_path, written, "nats-server")),
        definition(tmp_path, "one", program=program(tmp_path, written)),
        definition(tmp_path, "gl", program=program(tmp_path, written, "gl")),
    ]
    pids = [await started(runner, service) for service in services]
    for service in services:
        runner.checksum_file(service).write("sum")
        await eventually(Path(f"{service.program}.up").exists)
    reaping = [asyncio.create_task(one.wait()) for one in runner._supervisor.processes.values()]
    await runner.end_all(appliance(*(healthy(service) for service in services)))
    await asyncio.gather(*reaping)
    assert not any(is_alive(pid) for pid in pids)
    ends = (tmp_path / "ends").read_text().splitlines()
    assert [Path(line).name for line in ends] == ["gl", "program", "nats-server"]
    assert all(runner.checksum_file(service).read() is None for service in services)


async def test_end_of_a_process_that_does_not_end(runner, supervisor, tmp_path):
    """It is killed when its time is over, with its children."""
    script = 'trap "" TERM; sleep 60 & echo $! >"$0.child"; while :; do sleep 0.01; done'
    pid = await started(runner, definition(tmp_path, program=program(tmp_path, script)))
    file = tmp_path / "program.child"
    child = int(await eventually(lambda: file.exists() and file.read_text().strip()))
    await _end(pid, 0.05)
    assert await supervisor.processes["one"].wait() == -signal.SIGKILL
    await eventually(lambda: not is_alive(child))


async def test_unregistering_keeps_the_last_words(runner, supervisor, listener, tmp_path):
    one = definition(tmp_path, program=program(tmp_path, "printf last"))
    await started(runner, one)
    await supervisor.processes["one"].wait()
    await runner.unregister(one)
    assert listener.lines == [("one", b"last")]


def test_end_of_a_service_without_a_process(tmp_path):
    """A signal to the process 0 would reach ginit itself, and all in its group: so this is in a group of its own."""
    script = f"""
import asyncio
from pathlib import Path
from services.ginit.paths import Paths
from services.ginit.runner import ServiceRunner
from tests.services.ginit.edges import appliance, definition, healthy
home = Path({str(tmp_path)!r})
runner = ServiceRunner(Paths(home, home), None, None)
asyncio.run(runner.end_all(appliance(healthy(definition(home)))))
print("still there")
"""
    assert in_a_child(script, tmp_path)[1] == "still there\n"


async def test_secrets_do_not_reach_the_system_log(tmp_path, monkeypatch):
    """Whatever a service prints."""
    monkeypatch.setenv("NATS_TOKEN", "VerySecretToken")
    written = []

    class Stream:
        def write(self, data):
            written.append(data)

        def flush(self):
            pass

    class Stdout:
        buffer = Stream()

    monkeypatch.setattr(sys, "stdout", Stdout())
    supervisor = ProcessSupervisor()
    runner = ServiceRunner(Paths(tmp_path, tmp_path / "runtime"), supervisor, Lines())
    await started(runner, definition(tmp_path, program=program(tmp_path, "echo token VerySecretToken")))
    await eventually(lambda: written)
    assert b"token *****MASKED*****" in written[0]
    await supervisor.close()
    runner.close()
