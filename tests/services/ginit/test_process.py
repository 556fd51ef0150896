"""What is known of a process: real ones that sleep, are stopped, and compute."""

import os
import signal
import subprocess
import sys

import pytest

from services.ginit import process
from tests.support.waiting import until


@pytest.fixture
def program():
    """Starts a Python program; it is killed after the test."""
    started = []

    def start(text):
        child = subprocess.Popen([sys.executable, "-c", text])
        started.append(child)
        return child.pid

    yield start
    for child in started:
        child.kill()
        child.wait()


def test_process_that_computes(program):
    """It is seen to compute, and to be able to run, also in a thread that is not the first."""
    pid = program("import threading\nthreading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()")
    until(lambda: process.cpu_seconds(pid) > 0.3, "processor time")
    assert process.waits_for_resources(pid)


def test_process_that_is_stopped(program):
    """It computes nothing more and waits for nothing, whatever it was at."""
    pid = program("while True: pass")
    until(lambda: process.cpu_seconds(pid) > 0.1, "processor time")
    os.kill(pid, signal.SIGSTOP)
    until(lambda: not process.waits_for_resources(pid), "a stop")
    before = process.cpu_seconds(pid)
    assert process.cpu_seconds(pid) == before


def test_process_that_sleeps(program):
    """It waits for nothing that a machine could have too little of."""
    pid = program("import time; print(flush=True); time.sleep(1000)")
    until(lambda: not process.waits_for_resources(pid), "sleep")


def test_no_process():
    """One that has ended is no reason to fail."""
    assert process.cpu_seconds(2**30) == 0.0
    assert not process.waits_for_resources(2**30)
