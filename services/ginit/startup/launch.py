"""The process that is the appliance: supervisord, run in this very process, which then ends with ginit's exit code.

supervisord always ends with 0 when it is told to stop, so it cannot be the last word by itself. This module imports
little: it is process 1 of the container, and lives as long as it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from supervisor import supervisord
from supervisor.medusa import asyncore_25

from gecholog import file_lock
from services.ginit import launcher
from services.ginit.control import CONF
from services.ginit.exit_code import ExitCode

_SYSTEM_LOG = 9  # the descriptor; see supervisord.conf
_ABOVE = 10  # descriptors from here on are safe: a restarting supervisord closes those below


def main() -> int:
    """Run the appliance; returns its exit code. GECHOLOG_HOME, GECHOLOG_RUN and the other variables are set."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing has been started: end without a traceback
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # `setup` held it back
    home, run = Path(os.environ["GECHOLOG_HOME"]), Path(os.environ["GECHOLOG_RUN"])
    try:
        free = _lock(home)
    except OSError as error:
        sys.stderr.write(f"error: the home folder {home} cannot be locked: {error.strerror}\n")
        free = False
    else:
        if not free:
            sys.stderr.write(f"error: another appliance runs with the same home folder, {home}\n")
    if not free:
        _drop_temporary(home, run)
        return 1
    _clear(home, run)
    shutil.copyfile(CONF, run / CONF.name)
    _as_many_files_as_allowed()
    os.environ[launcher.VARIABLE] = str(os.getpid())
    exit_code = ExitCode(_ABOVE)
    os.dup2(1, _SYSTEM_LOG)
    with _waking_on_signals():
        supervisord.main(["-c", str(run / CONF.name)])
    _clear(home, run)
    _drop_temporary(home, run)
    return exit_code.read()


def _lock(home: Path) -> bool:
    """Hold the home folder for as long as this process lives; False if somebody else does. Raises OSError.

    A file can be removed under us, and a folder cannot be locked everywhere (not on NFS): so both are.
    """
    for path, flags in ((home / "run" / "lock", os.O_RDWR | os.O_CREAT), (home, os.O_RDONLY)):
        try:
            descriptor = file_lock.acquire(path, flags)
        except BlockingIOError:
            return False
        except OSError:
            if path != home:
                raise
        else:
            fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ABOVE)  # the duplicate keeps the lock
            os.close(descriptor)
    return True


def _clear(home: Path, run: Path) -> None:
    """Remove what is only true while the appliance runs, above all the checksum files."""
    for file in (
        *(home / "checksum").glob(".*_config.sha256"),
        home / "run" / "state.json",
    ):
        with contextlib.suppress(OSError):
            file.unlink()
    for folder in (home / "run" / "candidate", home / "run" / "inforce", run / "services", run / "output"):
        shutil.rmtree(folder, ignore_errors=True)


def _drop_temporary(home: Path, run: Path) -> None:
    """Remove the folder that was made for this run alone; the home's own stays."""
    if run != home / "run":
        shutil.rmtree(run, ignore_errors=True)


def _as_many_files_as_allowed() -> None:
    """A gateway needs a descriptor for each connection; the usual soft limit is for programs that use select."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


_AGAIN = b"\0"  # no signal has this number


class _Waker:
    """Ends supervisord's wait for input when a signal has come. Python would let it wait on, for up to a second.

    It does so once more after each signal: supervisord sees in one round that a process has ended, and tells its event
    listener in the next.
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
        """There is nothing to be done about it: signals are then seen a little later."""


@contextlib.contextmanager
def _waking_on_signals() -> Iterator[None]:
    ours, theirs = (_moved_up(end) for end in socket.socketpair())
    asyncore_25.socket_map[ours.fileno()] = _Waker(ours, theirs)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    theirs.send(_AGAIN)  # the first wait comes before anything is started
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        ours.close()
        theirs.close()


def _moved_up(end: socket.socket) -> socket.socket:
    descriptor = fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, _ABOVE)
    end.close()
    moved = socket.socket(fileno=descriptor)
    moved.settimeout(0)
    return moved


if __name__ == "__main__":
    sys.exit(main())
