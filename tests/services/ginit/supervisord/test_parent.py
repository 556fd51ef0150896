"""ginit sends signals to the launcher, and to nobody else."""

import os
import signal
import subprocess
import sys

import pytest

from services.ginit.supervisord import parent
from tests.support.process import environment_of

LAUNCHER = """
import os, subprocess, sys, time
os.environ["GECHOLOG_LAUNCHER"] = str(os.getpid())
subprocess.run([sys.executable, "-c", f"from services.ginit.supervisord import parent; parent.{sys.argv[1]}()"])
time.sleep(60)
"""


@pytest.mark.parametrize(("request_", "number"), [("terminate", signal.SIGTERM), ("kill", signal.SIGKILL)])
def test_signal_reaches_the_launcher(tmp_path, request_, number):
    command = [sys.executable, "-c", LAUNCHER, request_]
    assert subprocess.run(command, env=environment_of(tmp_path, {}), check=False).returncode == -number


@pytest.mark.parametrize("value", ["", "1", "no number"])
def test_parent_that_is_another_process(monkeypatch, value):
    """The launcher has ended, and its pid may belong to anybody: nobody gets a signal."""
    monkeypatch.setenv(parent.VARIABLE, value)
    assert parent.pid() == 0
    assert not parent.terminate()
    assert not parent.kill()


def test_pid_of_the_launcher(monkeypatch):
    monkeypatch.setenv(parent.VARIABLE, str(os.getppid()))
    assert parent.pid() == os.getppid()
    monkeypatch.delenv(parent.VARIABLE)
    assert parent.pid() == 0
