"""The process that becomes each worker by copying itself."""

import os
import signal
from pathlib import Path

from tests.services.gl.workers.crew import is_running
from tests.support.waiting import until


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[1])


def test_the_template_is_killed(crew):
    """kill -9 for the template ends no worker; the next worker that ends comes from another one."""
    pids = crew.all_serve()
    template = parent_of(pids[0])
    assert parent_of(template) == crew.gateway.process.pid
    assert {parent_of(pid) for pid in pids} == {template}
    os.kill(template, signal.SIGKILL)
    until(lambda: not is_running(template), "its end")
    assert crew.healthz() == 200
    assert crew.pids == pids
    for _ in range(2):
        crew.kill()
    second = parent_of(crew.pids[0])
    assert second not in {template, crew.gateway.process.pid}
    assert parent_of(second) == crew.gateway.process.pid
    assert crew.healthz() == 200
    crew.gateway.process.stop()
    assert crew.gateway.process.wait() == 0
    until(lambda: not is_running(second), "the end of the second one")


def test_signals_for_the_whole_group(crew):
    """What a terminal or a container sends to all processes of a group leaves workers and their template alone."""
    pids = crew.all_serve()
    for number in (signal.SIGINT, signal.SIGHUP):
        for pid in (*pids, parent_of(pids[0])):
            os.kill(pid, number)
    os.kill(parent_of(pids[0]), signal.SIGTERM)
    assert crew.healthz() == 200
    crew.kill()
    assert crew.healthz() == 200


def test_descriptors(crew):
    """A worker has no descriptor of another one, whose end would not be seen otherwise."""
    pids = crew.all_serve()
    template = parent_of(pids[0])

    def channels(pid):
        links = (str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir())
        return {link for link in links if link.startswith("socket:")}

    first, second = (channels(pid) for pid in pids)
    shared = first & second
    assert len(shared) == 1, "only the listening socket"
    assert not channels(template) & (first | second)
