"""Processes that hang: they live, and do nothing. With a real supervisord, real services, and SIGSTOP."""

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
    """A home with the dummy LLM, which sends heartbeats, and one that sends none."""
    program = ROOT / "services" / "bin" / "dummy"
    home.add("dummy", file=str(program), additional_arguments=[], healthy_output="listening for requests")
    config = {"version": "1.0.1", "log_level": "INFO", "host": "127.0.0.1", "port": free_port()}
    home.config("dummy").write_text(json.dumps(config), "utf-8")
    return home.add("plain")


@pytest.fixture
def bus(home):
    """A home with a nats-server."""
    home.add("bus", file=nats_server.PROGRAM, config_command="-c", additional_arguments=[], validate_command="-t")
    home.services[-1]["healthy_output"] = "Server is ready"
    home.config("bus").write_text(json.dumps({"host": "127.0.0.1", "port": free_port()}), "utf-8")
    return home


def healthy(home, name="ginit"):
    return health.in_force(name, home.folder) is not None


def stopped(home, name):
    """Stop the process of a service, and wait until it and the appliance are not healthy; returns the process."""
    until(lambda: healthy(home) and healthy(home, name), "health")
    pid = home.pid(name)
    os.kill(pid, signal.SIGSTOP)
    until(lambda: not healthy(home) and not healthy(home, name), "the end of health")
    until(lambda: home.fault() == f"{name} sends no heartbeat", "the reason")
    return pid


@pytest.mark.parametrize("name", ["dummy", "bus"])
def test_service_that_hangs_is_killed_and_started_again(request, name):
    """It is unhealthy first; the process after it is another one, and healthy, and nobody else was touched."""
    home = request.getfixturevalue("served" if name == "dummy" else "bus")
    home.settings["hang_timeout_seconds"] = 7
    home.up()
    other = home.pid("plain")
    pid = stopped(home, name)
    home.said("killing service, it hangs", child=name)
    home.said("service ended", child=name, how="a signal, it sent no heartbeat")
    home.said("service is healthy", child=name, times=2)
    assert home.pid(name) not in {0, pid}
    assert home.pid("plain") == other
    until(lambda: healthy(home) and healthy(home, name), "health")
    assert home.stop() == 0


@pytest.mark.parametrize("name", ["dummy", "bus"])
def test_service_that_goes_on_is_healthy_again(request, name):
    """With a limit of 0 it is never killed; heartbeats bring its checksum file back."""
    home = request.getfixturevalue("served" if name == "dummy" else "bus")
    home.services[0]["hang_timeout_seconds"] = 0
    home.up()
    pid = stopped(home, name)
    os.kill(pid, signal.SIGCONT)
    home.said("service sends heartbeats again", child=name)
    until(lambda: healthy(home) and healthy(home, name), "health")
    assert home.pid(name) == pid
    assert home.in_force(name)


def test_services_without_heartbeats_are_left_alone(home):
    """Of a program that is not ours nothing is known: that is no hang, and it is healthy."""
    home.add("one", "signs").add("two").up()
    for name in ("one", "two"):
        os.kill(home.pid(name), signal.SIGSTOP)
    until(lambda: healthy(home), "health")
    assert not home.find("service sends no heartbeat")
    for name in ("one", "two"):
        os.kill(home.pid(name), signal.SIGCONT)


@pytest.mark.slow
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


@pytest.mark.slow
def test_supervisord_that_hangs(served):
    """Nobody could start a service again, so that is not healthy; the services go on."""
    served.up()
    until(lambda: healthy(served), "health")
    os.kill(served.process.pid, signal.SIGSTOP)
    until(lambda: not healthy(served), "the end of health")
    until(lambda: served.fault() == "supervisord does not respond", "the reason")
    os.kill(served.process.pid, signal.SIGCONT)
    served.said("supervisord responds again")
    until(lambda: healthy(served), "health")


def test_everything_is_killed_at_once(served):
    """Files that say that all is well outlive nobody for long."""
    served.up()
    until(lambda: healthy(served), "health")
    for pid in (served.process.pid, *served.processes()):
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
