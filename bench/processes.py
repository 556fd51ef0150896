"""Starts the programs of a run on free ports, in a temporary directory, and stops them at the end in any case."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

TICK = 1_000_000 / os.sysconf("SC_CLK_TCK")  # microseconds in one unit of /proc/PID/stat
PAGE = os.sysconf("SC_PAGE_SIZE")
HOST = "127.0.0.1"

_READY_WITHIN = 60.0  # seconds
_STOPPED_WITHIN = 8.0
_QUIET = 3  # ticks of all programs in `_LOOK` seconds that count as idle
_LOOK = 0.3
_PORTS = range(20_000, 30_000)  # below the ephemeral ports (Linux: from 32,768)


class NotReady(Exception):
    """A program exited or was not ready in time."""


@dataclass(frozen=True, slots=True)
class Program:
    """A running program."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def ids(self) -> list[int]:
        """Return its process id and those of all its children."""
        found = [self.process.pid]
        for pid in found:
            found += _children(pid)
        return found

    def cpu(self) -> float:
        """Return its CPU time so far in microseconds, including children."""
        return sum(_ticks(pid) for pid in self.ids()) * TICK

    def rss(self) -> int:
        """Return its memory in bytes, including children. Shared memory counts more than once."""
        return sum(_pages(pid) for pid in self.ids()) * PAGE


class Fleet:
    """All programs of a run. On exit, this context manager stops them and deletes the directory."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="gecholog-bench-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        self.programs: dict[str, Program] = {}
        self._numbers = random.sample(_PORTS, len(_PORTS))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in reversed(list(self.programs)):
            self.stop(name)
        self._temporary.cleanup()

    def port(self) -> int:
        """Return a free port."""
        while True:
            number = self._numbers.pop()
            with socket.socket() as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    trial.bind((HOST, number))
                except OSError:
                    continue
                return number

    def start(
        self, name: str, words: list[str], ready: Callable[[], bool], environ: Mapping[str, str] | None = None
    ) -> Program:
        """Start a program and wait until it is ready. Raises NotReady with the end of its output."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                words,
                env={**os.environ, **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that Ctrl-C does not reach them, and we stop them in order
            )
        program = self.programs[name] = Program(name, process, log)
        end = time.monotonic() + _READY_WITHIN
        while not ready():
            if process.poll() is not None or time.monotonic() > end:
                raise NotReady(f"{name} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        return program

    def stop(self, name: str) -> None:
        """Stop a program and its children."""
        process = self.programs.pop(name).process
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(_STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def settle(self, seconds: float = 60.0) -> None:
        """Wait until all programs are idle, at most `seconds`."""
        end = time.monotonic() + seconds
        before = sum(self.cpu().values())
        while time.monotonic() < end:
            time.sleep(_LOOK)
            after = sum(self.cpu().values())
            if after - before <= _QUIET * TICK:
                return
            before = after

    def cpu(self) -> dict[str, float]:
        """Return the CPU time of each program so far in microseconds."""
        return {name: program.cpu() for name, program in self.programs.items()}

    def rss(self) -> dict[str, int]:
        """Return the memory of each program in bytes."""
        return {name: program.rss() for name, program in self.programs.items()}


def listens(port: int) -> Callable[[], bool]:
    """Return a check whether `port` accepts connections."""

    def ready() -> bool:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            return False
        return True

    return ready


def busy() -> float:
    """Return the CPU time of all cores since boot in microseconds."""
    first = Path("/proc/stat").read_text().splitlines()[0].split()
    user, nice, system, _, _, irq, softirq, steal = (int(text) for text in first[1:9])
    return (user + nice + system + irq + softirq + steal) * TICK


def _children(pid: int) -> list[int]:
    try:
        return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])  # utime and stime, proc(5)


def _pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
