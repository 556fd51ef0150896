"""Runs supervisord in this process, and wakes it up when a signal arrives."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

from supervisor.medusa import asyncore_25
from supervisor.supervisord import main

from services.ginit.supervisord.descriptors import moved_up

_AGAIN = b"\0"  # no signal has this number


def run(conf: Path) -> None:
    """Run supervisord with this config file; returns when it and all its processes have ended."""
    with _waking_on_signals():
        main(["-c", str(conf)])


class _Waker:
    """Ends supervisord's poll when a signal arrives. Python would resume the poll, for up to a second (PEP 475).

    After each signal it ends two polls: in one round supervisord notices that a process has ended, in the next it
    notifies its event listener.
    """

    def __init__(self, end: socket.socket, other_end: socket.socket) -> None:
        self._end = end
        self._other_end = other_end

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        with contextlib.suppress(BlockingIOError):
            if self._end.recv(4096).strip(_AGAIN):
                self._other_end.send(_AGAIN)

    def handle_error(self) -> None:
        """Nothing can be done about it: signals are then seen a little later."""


@contextlib.contextmanager
def _waking_on_signals() -> Iterator[None]:
    ours, theirs = (_private(end) for end in socket.socketpair())
    asyncore_25.socket_map[ours.fileno()] = _Waker(ours, theirs)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    theirs.send(_AGAIN)  # the first wait comes before anything is started
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        asyncore_25.socket_map.pop(ours.fileno(), None)
        ours.close()
        theirs.close()


def _private(end: socket.socket) -> socket.socket:
    moved = socket.socket(fileno=moved_up(end.detach()))
    moved.settimeout(0)
    return moved
