"""The process that becomes each worker by copying itself."""

import os
import signal
from pathlib import Path

from tests.services.gl.workers.running_workers import is_running
from tests.support.waiting import until


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[1])


def test_the_fork_server_is_killed(workers):
    """kill -9 for the fork server ends no worker; the next worker that ends comes from another one."""
    pids = workers.all_serve()
    server = parent_of(pids[0])
    assert parent_of(server) == workers.gateway.process.pid
    assert {parent_of(pid) for pid in pids} == {server}
    os.kill(server, signal.SIGKILL)
    until(lambda: not is_running(server), "its end")
    assert workers.healthz() == 200
    assert workers.pids == pids
    for _ in range(2):
        workers.kill()
    second = parent_of(workers.pids[0])
    assert second not in {server, workers.gateway.process.pid}
    assert parent_of(second) == workers.gateway.process.pid
    assert workers.healthz() == 200
    workers.gateway.process.stop()
    assert workers.gateway.process.wait() == 0
    until(lambda: not is_running(second), "the end of the second one")


def test_signals_for_the_whole_group(workers):
    """What a terminal or a container sends to all processes of a group leaves workers and their fork server alone."""
    pids = workers.all_serve()
    for number in (signal.SIGINT, signal.SIGHUP):
        for pid in (*pids, parent_of(pids[0])):
            os.kill(pid, number)
    os.kill(parent_of(pids[0]), signal.SIGTERM)
    assert workers.healthz() == 200
    workers.kill()
    assert workers.healthz() == 200


def test_descriptors(workers):
    """A worker has no descriptor of another one, whose end would not be seen otherwise."""
    pids = workers.all_serve()
    server = parent_of(pids[0])

    def channels(pid):
        links = (str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir())
        return {link for link in links if link.startswith("socket:")}

    first, second = (channels(pid) for pid in pids)
    shared = first & second
    assert len(shared) == 1, "only the listening socket"
    assert not channels(server) & (first | second)
