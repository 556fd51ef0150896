"""Processes of our services by fork from a process that has imported them.

A service's imports take most of the CPU of its start (gl: 0.8 of 1.1 s), and tests start thousands of services. Here
one process for each pytest process imports them all once, and each start is a fork of it: a process of its own, in a
session of its own, that runs the module as `python -m` does. `python -m tests.support.forking FD` is that process. It
ends with the pytest process, and takes with it what still runs.

`PYTHON` does the same for programs that other programs start: it is called as python is, and where its words name one
of our commands, or a service that validates its config, a fork runs it with its input, output, and environment.
Anything else is done by the Python of the tests.

The services of a whole appliance are children of its supervisord, hence fresh interpreters, and so are those of tests
that look at memory or imports. What an appliance only validates is done by forks.
"""

from __future__ import annotations

import atexit
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
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MODULES = (
    "processors.broker",
    "processors.contentfilter",
    "processors.tokencounter",
    "services.dummy",
    "services.ginit",
    "services.gl",
    "services.gui",
    "services.nats2log",
)
_ALSO = ("gecholog.processor", "services.nats2log.sinks.sql", "uvloop")  # imported late, when a service needs them
SCRIPTS = tuple(
    str(Path(__file__).parents[1] / "gecholog" / name) for name in ("small_service.py", "tried_processor.py")
)
"""Programs of tests, which are started by their paths."""

COMMANDS = (  # modules or packages
    "services.gl.import_config",
    "services.gl.keys",
    "services.gl.prices",
    "services.gl.resolve",
    "services.gui.secrets",
)
"""Modules that end by themselves, which `PYTHON` runs as forks whatever the words are."""

PYTHON = Path(__file__).with_name("forking_python.sh")
ADDRESS = "TESTS_FORKING"
"""The variable that says to `PYTHON` where forks are made: the name of a socket in Linux's abstract namespace."""

_ROOT = Path(__file__).parents[2]
_FOLDERS = (Path(os.environ.get("SERVICES_FROM", _ROOT)).resolve(), _ROOT)  # of the services, and of the tests
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
    """Start `python -m MODULE ARGUMENTS`, or one of SCRIPTS, in a folder with an environment.

    Its output is text in two pipes.
    """
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


def variables() -> dict[str, str]:
    """The environment in which our programs (`services/bin`) run what they can as forks."""
    _parent()
    return {"GECHOLOG_PYTHON": str(PYTHON), ADDRESS: _address(), "TESTS_PYTHON": sys.executable}


def _address() -> str:
    return f"gecholog-tests-{os.getpid()}"


@cache
def _parent() -> socket.socket:
    """The socket to the process that forks, which is started at the first use."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for size in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        ours.setsockopt(socket.SOL_SOCKET, size, 2 * _LARGEST)
        theirs.setsockopt(socket.SOL_SOCKET, size, 2 * _LARGEST)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind("\0" + _address())
    listener.listen(64)
    descriptors = (theirs.fileno(), listener.fileno())
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, *map(str, descriptors)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, _FOLDERS)), "PYTHONSAFEPATH": "1"},
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    theirs.close()
    listener.close()
    atexit.register(_end, ours, process)
    return ours


def _end(ours: socket.socket, process: subprocess.Popen[bytes]) -> None:
    ours.close()
    process.wait()


# ------------------------------------------------------------------ the process that forks


def _serve(control: socket.socket, listener: socket.socket) -> tuple[str, list[str]]:
    """Fork at each request. Returns in a forked process, with the module and its arguments."""
    reports: dict[int, int] = {}  # pid → the pipe, or the connection of PYTHON, for its exit code
    callers: set[int] = set()  # connections of PYTHON
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    while True:
        ready, _, _ = select.select([control.fileno(), listener.fileno(), woken, *callers], [], [])
        if woken in ready:
            os.read(woken, 1024)
            _report_ended(reports, callers)
        if listener.fileno() in ready:
            callers.add(listener.accept()[0].detach())
        for connection in {control.fileno(), *callers} & set(ready):
            request, descriptors = _received(connection)
            if request is None:
                _leave(connection, reports, callers, is_last=connection == control.fileno())
                continue
            if connection in callers and not _is_command(request):
                os.write(connection, b"no command")
            else:
                report = connection if connection in callers else descriptors.pop()
                pid = os.fork()
                if pid == 0:
                    return _become(request, descriptors)
                reports[pid] = report
                if report != connection:
                    os.write(report, b"%d\n" % pid)
            # A reader sees the end of a pipe only when all copies of its write end are closed.
            for descriptor in descriptors:
                os.close(descriptor)


def _leave(connection: int, reports: dict[int, int], callers: set[int], *, is_last: bool) -> None:
    """The other side of a connection has ended: so does what it started. With pytest's, this process ends."""
    if is_last:
        _kill(reports)
        sys.exit(0)
    callers.discard(connection)
    mine = [pid for pid, report in reports.items() if report == connection]
    _kill(mine)
    if not mine:
        os.close(connection)


def _received(connection: int) -> tuple[dict[str, Any] | None, list[int]]:
    """A request and the descriptors that came with it; None if the other side has ended."""
    taken = socket.socket(fileno=connection)
    try:
        data, descriptors, _, _ = socket.recv_fds(taken, _LARGEST, 3)
    except ConnectionResetError:
        return None, []
    finally:
        taken.detach()
    return json.loads(data) if data else None, descriptors


def _is_command(request: dict[str, Any]) -> bool:
    """Tell whether a program ends by itself, as far as that is known."""
    ends = {"--validate", "--schema"} & set(request["arguments"])
    return request["module"] in COMMANDS or (request["module"] in MODULES and bool(ends))


def _report_ended(reports: dict[int, int], callers: set[int]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        report = reports.pop(pid)
        callers.discard(report)
        with contextlib.suppress(BrokenPipeError):
            os.write(report, b"%d" % os.waitstatus_to_exitcode(status))
        os.close(report)


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _become(request: dict[str, Any], descriptors: list[int]) -> tuple[str, list[str]]:
    """Make a forked process what a new one would be; `descriptors` are standard input (if given), output and error."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    for number, descriptor in enumerate(descriptors, 3 - len(descriptors)):
        os.dup2(descriptor, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    # The old ones know of a file, if pytest captures into one, and would seek in a pipe.
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(  # type: ignore[misc]  # noqa: SIM115
        2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    os.umask(request.get("umask", os.umask(0o22)))
    time.tzset()
    return request["module"], request["arguments"]


def _main(control: int, listener: int) -> None:
    for module in (*(f"{module}.__main__" for module in MODULES), *COMMANDS, *_ALSO):
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a collection in a service would copy the pages of all that it walks
    module, arguments = _serve(socket.socket(fileno=control), socket.socket(fileno=listener))
    sys.argv = [module, *arguments]
    if module in SCRIPTS:
        runpy.run_path(module, run_name="__main__")
        return
    for known in (f"{module}.__main__", *({module} & set(COMMANDS))):
        sys.modules.pop(known, None)  # runpy warns of a module that is there already
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
