"""Processes that hang: they live, and do nothing. With a real supervisord, real services, and SIGSTOP."""

import contextlib
import json
import os
import signal

import pytest

from gecholog import health
from tests.support import nats_server
from tests.support.ports import free_port
from tests.support.process import ROOT
from tests.support.waiting import until


@pytest.fixture
def served(home):
    """A home with a nats-server, the dummy LLM, which sends heartbeats, and a service that sends none."""
    home.add("bus", file=nats_server.PROGRAM, config_command="-c", additional_arguments=[], validate_command="-t")
    home.services[-1]["healthy_output"] = "Server is ready"
    home.config("bus").write_text(json.dumps({"host": "127.0.0.1", "port": free_port()}), "utf-8")
    program = ROOT / "services" / "bin" / "dummy"
    home.add("dummy", file=str(program), additional_arguments=[], healthy_output="listening for requests")
    config = {"version": "1.0.1", "log_level": "INFO", "host": "127.0.0.1", "port": free_port()}
    home.config("dummy").write_text(json.dumps(config), "utf-8")
    return home.add("plain")


def healthy(home, name="ginit"):
    return health.in_force(name, home.folder) is not None


def stopped(home):
    """Stop the processes of `bus` and `dummy`, and wait until all is known to be unhealthy; returns the processes."""
    until(lambda: healthy(home) and healthy(home, "bus") and healthy(home, "dummy"), "health")
    pids = {name: home.pid(name) for name in ("bus", "dummy")}
    for pid in pids.values():
        os.kill(pid, signal.SIGSTOP)
    until(lambda: not (healthy(home) or healthy(home, "bus") or healthy(home, "dummy")), "the end of health")
    until(lambda: home.fault() == "bus sends no heartbeat; dummy sends no heartbeat", "the reasons")
    return pids


def test_services_that_hang_are_killed_and_started_again(served):
    """They are unhealthy first; the processes after that are others, and healthy, and nobody else was touched."""
    served.settings["hang_timeout_seconds"] = 7
    served.up()
    other = served.pid("plain")
    pids = stopped(served)
    for name, pid in pids.items():
        served.said("killing service, it hangs", child=name)
        served.said("service ended", child=name, how="a signal, it sent no heartbeat")
        served.said("service is healthy", child=name, times=2)
        assert served.pid(name) not in {0, pid}
    assert served.pid("plain") == other
    until(lambda: healthy(served) and healthy(served, "bus") and healthy(served, "dummy"), "health")
    assert served.stop() == 0


def test_services_that_go_on_are_healthy_again(served):
    """With a limit of 0 they are never killed; heartbeats bring their checksum files back."""
    for service in served.services:
        service["hang_timeout_seconds"] = 0
    served.up()
    pids = stopped(served)
    for name, pid in pids.items():
        os.kill(pid, signal.SIGCONT)
        served.said("service sends heartbeats again", child=name)
    until(lambda: healthy(served) and healthy(served, "bus") and healthy(served, "dummy"), "health")
    for name, pid in pids.items():
        assert served.pid(name) == pid
        assert served.in_force(name)


def test_services_without_heartbeats_are_left_alone(home):
    """Of a program that is not ours nothing is known: that is no hang, and it is healthy."""
    home.add("one", "signs").add("two").up()
    for name in ("one", "two"):
        os.kill(home.pid(name), signal.SIGSTOP)
    until(lambda: healthy(home), "health")
    assert not home.find("service sends no heartbeat")
    for name in ("one", "two"):
        os.kill(home.pid(name), signal.SIGCONT)


@pytest.mark.soak  # half a minute, of which most is its patience
def test_ginit_that_hangs_is_killed_and_started_again(served):
    """Whoever asks for the appliance's health is not told that all is well; the services do not notice anything."""
    served.up()
    until(lambda: healthy(served), "health")
    ginit, dummy = served.ginit_pid(), served.pid("dummy")
    os.kill(ginit, signal.SIGSTOP)
    until(lambda: not healthy(served), "the end of health")
    assert healthy(served, "dummy")
    served.said("service is taken over", child="dummy")
    until(lambda: healthy(served), "health")
    assert served.ginit_pid() not in {0, ginit}
    assert served.pid("dummy") == dummy


def test_everything_is_killed_at_once(served):
    """Files that say that all is well outlive nobody for long."""
    served.up()
    until(lambda: healthy(served), "health")
    for pid in (served.process.pid, *served.processes()):
        with contextlib.suppress(ProcessLookupError):  # a service had started it for a moment
            os.kill(pid, signal.SIGKILL)
    until(lambda: not healthy(served) and not healthy(served, "dummy"), "the end of health")


def test_checksum_folder_that_is_removed(served):
    """A service writes its signs of health again."""
    served.up()
    until(lambda: healthy(served), "health")
    for file in (served.folder / "checksum").iterdir():
        file.unlink()
    (served.folder / "checksum").rmdir()
    until(lambda: healthy(served) and healthy(served, "dummy"), "health")
