"""`make up`: the appliance in the foreground. With real processes."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.ginit.terminal import foreground
from tests.support.process import environment_of
from tests.support.waiting import until

PARENT = """
import subprocess, sys, time
from services.ginit.terminal import foreground
child = foreground._started(["/bin/sh", "-c", sys.argv[1]], None)
print("started", flush=True)
child.wait()
print("waited", child.returncode, flush=True)
time.sleep(60)
"""

INTERRUPTIBLE = """
import os, signal
signal.signal(signal.SIGINT, lambda *_: os._exit(7))
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
open(os.environ["F"] + "/up", "w").close()
while True:
    signal.pause()
"""


@pytest.fixture
def parent(tmp_path):
    """Start a process that starts a shell script as the appliance is started; ends with the test."""
    made = []

    def start(script):
        command = [sys.executable, "-c", PARENT, script]
        environ = environment_of(tmp_path, {"F": str(tmp_path)})
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True)
        made.append(process)
        until((tmp_path / "up").exists, "the child")
        assert process.stdout.readline() == "started\n"
        return process

    yield start
    for process in made:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("chosen", "terminal", "text"),
    [("", True, True), ("", False, False), ("text", False, True), ("JSON", True, False), ("other", True, True)],
)
def test_text_or_json(monkeypatch, chosen, terminal, text):
    """As the user says, else text for a terminal."""

    class Stream(io.StringIO):
        def isatty(self):
            return terminal

    monkeypatch.setenv("GECHOLOG_LOG", chosen)
    monkeypatch.setattr(sys, "stdout", Stream())
    assert foreground._is_text() is text


def test_appliance_ends_with_its_terminal(parent, tmp_path):
    """Even if that is killed: it is asked to end, and does so in order."""
    process = parent('trap "echo >$F/asked; exit 0" TERM; echo >$F/up; while :; do sleep 0.01; done')
    process.kill()
    until((tmp_path / "asked").exists, "the end of the child")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_are_passed_on(parent, tmp_path, number):
    """A terminal that is closed sends SIGHUP."""
    process = parent('trap "exit 7" TERM; echo >$F/up; while :; do sleep 0.01; done')
    process.send_signal(number)
    assert process.stdout.readline() == "waited 7\n"


def test_ctrl_c_is_left_to_the_appliance(parent, tmp_path):
    """It reaches both; the terminal waits for the end, and shows it."""
    process = parent(f"exec {sys.executable} -c '{INTERRUPTIBLE}'")
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.readline() == "waited 7\n"


def test_appliance_that_does_not_start(tmp_path):
    """Its exit code is ours, and the user is told where to look."""
    home = tmp_path / "home"
    (home / "conf").mkdir(parents=True)
    (home / "conf" / "ginit_config.json").write_text("{")
    done = subprocess.run(
        [sys.executable, "-m", "services.ginit.up"],
        env=environment_of(home, {"GECHOLOG_LOG": "json"}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "ginit_config.json" in done.stderr
    assert done.stderr.endswith("The appliance has ended with exit code 1; the lines above say why.\n")
    assert Path(home / "conf" / "gl_config.json").exists()
