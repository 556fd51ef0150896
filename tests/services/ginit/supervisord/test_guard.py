"""A ginit that hangs is killed by supervisord. With real processes, and the clock of the test."""

import contextlib
import subprocess
from types import SimpleNamespace

import pytest
from supervisor import events

from gecholog.health import ChecksumFile, ChecksumLock
from services.ginit import process
from services.ginit.supervisord import guard
from tests.support.waiting import until


class Supervisord:
    """The part of supervisord that the guard looks at; its ginit is a process that does nothing."""

    def __init__(self):
        self.children = []
        self.process_groups = {"ginit": SimpleNamespace(processes={"ginit": self})}
        self.pid = 0
        self.starts()

    def starts(self):
        self.children.append(subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        self.pid = self.children[-1].pid

    @property
    def is_killed(self):
        """Whether the last process was killed: then it does not answer any more."""
        child = self.children[-1]
        try:
            child.stdin.write(b"alive\n")
            child.stdin.flush()
            return not child.stdout.readline()
        except BrokenPipeError:
            return True

    @property
    def is_asleep(self):
        """Whether ginit waits for nothing but input. A process that waits for the CPU is not to blame."""
        return not self.pid or not process.waits_for_resources(self.pid)


@pytest.fixture
def supervisord():
    made = Supervisord()
    yield made
    for child in made.children:
        child.kill()
        child.wait()
        child.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()


@pytest.fixture
def heart(tmp_path, monkeypatch):
    """The heartbeat of ginit."""
    monkeypatch.setenv("GECHOLOG_HOME", str(tmp_path))
    monkeypatch.setenv("GECHOLOG_GINIT_ALIAS", "my_ginit")
    lock = ChecksumLock(ChecksumFile.of("my_ginit", tmp_path))
    assert lock.acquire()
    lock.beat()
    yield lock
    lock.release()


@pytest.fixture
def advance(supervisord, heart):
    """Let the time be so many seconds, and supervisord emit its event."""
    now = [0.0]
    callbacks = list(events.callbacks)
    guard.Guard(supervisord, lambda: now[0])

    def advance(seconds):
        until(lambda: supervisord.is_asleep, "a process that sleeps")
        now[0] = float(seconds)
        events.notify(events.Tick5Event(seconds, supervisord))

    yield advance
    events.callbacks[:] = callbacks


def test_ginit_that_hangs(supervisord, advance):
    """After 15 seconds without a heartbeat, not earlier."""
    for seconds in (0, 5, 10):
        advance(seconds)
    assert not supervisord.is_killed
    advance(15)
    assert supervisord.is_killed


def test_ginit_with_a_heartbeat(supervisord, advance, heart):
    for seconds in range(0, 100, 5):
        heart.beat()
        advance(seconds)
    assert not supervisord.is_killed


def test_new_ginit_has_all_its_time(supervisord, advance):
    """It is not killed for what the one before did not do."""
    for seconds in (0, 5, 10, 15):
        advance(seconds)
    assert supervisord.is_killed
    supervisord.starts()
    for seconds in (20, 25, 30):
        advance(seconds)
    assert not supervisord.is_killed
    advance(35)
    assert supervisord.is_killed


def test_machine_that_was_suspended(supervisord, advance):
    """An hour between two events is not an hour without a heartbeat."""
    advance(0)
    advance(3600)
    assert not supervisord.is_killed


def test_no_ginit(supervisord, advance):
    """It has ended, and is about to be started again; nobody is killed in its place."""
    supervisord.pid = 0
    for seconds in range(0, 100, 5):
        advance(seconds)
    assert not supervisord.is_killed


def test_one_guard(supervisord, heart):
    """supervisord makes its interfaces again when it has a new socket: what the guard knows stays."""
    callbacks = list(events.callbacks)
    assert guard.make(supervisord) is guard.make(supervisord)
    assert len(events.callbacks) == len(callbacks) + 1
    events.callbacks[:] = callbacks
