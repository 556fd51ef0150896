"""Processes of our services by fork from a process that has imported them.

A service's imports take most of the CPU of its start (gl: 0.8 of 1.1 s), and tests start thousands of services. Here
one process for each pytest process imports them all once, and each start is a fork of it: a process of its own, in a
session of its own, that runs the module as `python -m` does. `python -m tests.support.forking FD` is that process. It
ends with the pytest process, and takes with it what still runs.

The appliance, commands, and tests that look at memory start fresh interpreters instead.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import cache
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MODULES = (
    "processors.broker",
    "processors.contentfilter",
    "processors.tokencounter",
    "services.dummy",
    "services.gl",
    "services.gui",
    "services.nats2log",
)
_ALSO = ("gecholog.processor", "services.nats2log.sinks.sql", "uvloop")  # imported late, when a service needs them
_LARGEST = 256 * 1024  # bytes of a request, most of it the environment


class ForkedProcess:
    """A running service; what tests use of `subprocess.Popen`."""

    def __init__(self, pid: int, report: int, stdout: IO[str], stderr: IO[str]) -> None:
        self.pid = pid
        self.stdout, self.stderr = stdout, stderr
        self.returncode: int | None = None
        self._report = report  # the pipe in which the exit code will be
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """The exit code (negative: the signal), None while the process runs."""
        return self._ended(0)

    def wait(self, seconds: float | None = None) -> int:
        """Wait for the exit code; raises `subprocess.TimeoutExpired`."""
        ends = None if seconds is None else time.monotonic() + seconds
        while (code := self._ended(0.1)) is None:
            if ends is not None and time.monotonic() >= ends:
                raise subprocess.TimeoutExpired("a forked service", seconds or 0.0)
        return code

    def _ended(self, seconds: float) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._report], [], [], seconds)[0]:
                told = os.read(self._report, 32)
                self.returncode = int(told) if told else -signal.SIGKILL
                os.close(self._report)
            return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal; a process that has ended gets none."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)


def start(module: str, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> ForkedProcess:
    """Start `python -m MODULE ARGUMENTS` in a folder with an environment; its output is text in two pipes."""
    pipes = [os.pipe() for _ in range(3)]
    reads, writes = zip(*pipes, strict=True)
    request = json.dumps({"module": module, "arguments": list(arguments), "cwd": str(cwd), "env": dict(env)})
    socket.send_fds(_parent(), [request.encode()], writes)
    for descriptor in writes:
        os.close(descriptor)
    stdout, stderr = (os.fdopen(descriptor, errors="replace") for descriptor in reads[:2])
    pid = b""
    while not pid.endswith(b"\n"):
        byte = os.read(reads[2], 1)
        if not byte:
            raise AssertionError("the process that starts services has ended")
        pid += byte
    return ForkedProcess(int(pid), reads[2], stdout, stderr)


@cache
def _parent() -> socket.socket:
    """The socket to the process that forks, which is started at the first use."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for size in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        ours.setsockopt(socket.SOL_SOCKET, size, 2 * _LARGEST)
        theirs.setsockopt(socket.SOL_SOCKET, size, 2 * _LARGEST)
    subprocess.Popen(
        [sys.executable, "-m", __name__, str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    theirs.close()
    return ours


# ------------------------------------------------------------------ the process that forks


def _serve(control: socket.socket) -> tuple[str, list[str]]:
    """Fork at each request. Returns in a forked process, with the module and its arguments."""
    reports: dict[int, int] = {}  # pid → the pipe for its exit code
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            os.read(woken, 1024)
            _report_ended(reports)
        if control in ready:
            data, descriptors, _, _ = socket.recv_fds(control, _LARGEST, 3)
            if not data:  # the pytest process has ended
                _kill(reports)
                sys.exit(0)
            pid = os.fork()
            if pid == 0:
                return _become(json.loads(data), descriptors)
            reports[pid] = descriptors[2]
            os.write(descriptors[2], b"%d\n" % pid)
            for descriptor in descriptors[:2]:
                os.close(descriptor)


def _report_ended(reports: dict[int, int]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        report = reports.pop(pid)
        with contextlib.suppress(BrokenPipeError):
            os.write(report, b"%d" % os.waitstatus_to_exitcode(status))
        os.close(report)


def _kill(reports: dict[int, int]) -> None:
    for pid in reports:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _become(request: dict[str, object], descriptors: list[int]) -> tuple[str, list[str]]:
    """Make a forked process what a new one would be."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.dup2(descriptors[0], 1)
    os.dup2(descriptors[1], 2)
    os.closerange(3, max(descriptors) + 64)
    os.chdir(str(request["cwd"]))
    os.environ.clear()
    os.environ.update(request["env"])  # type: ignore[arg-type]
    time.tzset()
    return str(request["module"]), list(request["arguments"])  # type: ignore[call-overload]


def _main(descriptor: int) -> None:
    for module in MODULES:
        importlib.import_module(f"{module}.__main__")
    for module in _ALSO:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a collection in a service would copy the pages of all that it walks
    module, arguments = _serve(socket.socket(fileno=descriptor))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
