"""supervisord in our own process: it wakes up when a signal comes."""

import os
import select
import signal

import pytest
from supervisor.medusa import asyncore_25

from services.ginit.supervisord.run import _waking_on_signals


@pytest.fixture
def waker():
    """The descriptor that supervisord polls, and its handler."""
    before = set(asyncore_25.socket_map)
    old = signal.signal(signal.SIGUSR1, lambda *_: None)
    with _waking_on_signals():
        ((descriptor, handler),) = ((one, asyncore_25.socket_map[one]) for one in set(asyncore_25.socket_map) - before)
        yield descriptor, handler
    signal.signal(signal.SIGUSR1, old)
    assert set(asyncore_25.socket_map) == before


def is_ready(descriptor):
    return bool(select.select([descriptor], [], [], 0)[0])


def test_first_wait_is_short(waker):
    """It comes before anything is started."""
    descriptor, handler = waker
    assert is_ready(descriptor)
    handler.handle_read_event()
    assert not is_ready(descriptor)


def test_signal_ends_two_waits(waker):
    """In the first round supervisord sees that a process has ended, in the second it says so."""
    descriptor, handler = waker
    handler.handle_read_event()
    os.kill(os.getpid(), signal.SIGUSR1)
    for _ in range(2):
        assert is_ready(descriptor)
        handler.handle_read_event()
    assert not is_ready(descriptor)


def test_many_signals_are_one(waker):
    descriptor, handler = waker
    for _ in range(50):
        os.kill(os.getpid(), signal.SIGUSR1)
    handler.handle_read_event()
    handler.handle_read_event()
    assert not is_ready(descriptor)


def test_wake_up_without_a_reason(waker):
    _, handler = waker
    handler.handle_read_event()
    handler.handle_read_event()
    assert (handler.readable(), handler.writable()) == (True, False)


def test_descriptors_are_not_inherited(waker):
    assert not os.get_inheritable(waker[0])
