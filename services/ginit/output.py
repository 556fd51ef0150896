"""What the services write: each one's standard output and error is a named pipe that ginit reads.

supervisord is not in between: its output events are chunks of text that break characters apart, and are dropped when
many come. A service opens its pipe for reading and writing (`1<>`), so that it neither waits for a reader nor dies
without one: what it writes while ginit is away is in the pipe when ginit is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Protocol

from gecholog.timer import now, rfc3339
from services.ginit.lines import Lines, Needle, Renaming, error_of, log_line, renamed, renaming

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import BinaryIO

_CHUNK = 64 * 1024  # bytes, what a pipe holds


class OutputListener(Protocol):
    """Who is told what a service writes."""

    def on_line(self, name: str, line: bytes) -> None:
        """A line."""

    def on_healthy_output(self, name: str) -> None:
        """The healthy output."""


class SystemLog:
    """The one stream of JSON lines of all services."""

    def __init__(self, stream: BinaryIO, secrets: Iterable[str]) -> None:
        self._stream = stream
        self._secrets = tuple(secret.encode() for secret in secrets if secret)

    def write(self, line: bytes, service: str) -> bytes | None:
        """Write a line of a service, as JSON if it is not; returns what was written."""
        entry = log_line(line, service, rfc3339(now().wall_ns), self._secrets)
        if entry is not None:
            with contextlib.suppress(OSError):  # nobody reads the log any more: no reason to stop the services
                self._stream.write(entry + b"\n")
                self._stream.flush()
        return entry


class Pipe:
    """The output of one service."""

    def __init__(
        self, name: str, path: Path, healthy_output: str, system_log: SystemLog, listener: OutputListener
    ) -> None:
        self.name = name
        self.path = path
        self._system_log = system_log
        self._listener = listener
        self._lines = Lines()
        self._needle = Needle(healthy_output)
        self._descriptor = -1
        self._names: Renaming = ()
        self.last_error = ""  # since the process was started

    def call(self, names: Mapping[str, str]) -> None:
        """Have files that the service names be called otherwise in the log."""
        self._names = renaming(names)

    def open(self) -> None:
        """Begin to read. Raises OSError."""
        if not self.path.is_fifo():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.unlink(missing_ok=True)
            os.mkfifo(self.path, 0o600)
        # for writing as well: a pipe without a writer would be at its end, again and again
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        asyncio.get_running_loop().add_reader(self._descriptor, self._read_once)

    def renew(self) -> None:
        """Make the pipe anew if somebody has removed it; no process may write to it now. Raises OSError."""
        if not self._is_in_place():
            self.drain()
            self.close()
            self.open()

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._descriptor))
        except OSError:
            return False

    def expect(self, healthy_output: str) -> None:
        """The process is started: look for this text from now on."""
        self._needle = Needle(healthy_output)
        self.last_error = ""

    def drain(self) -> None:
        """Take everything that has been written; the process has ended, so a line without a break is a line."""
        while self._read_once():
            pass
        if rest := self._lines.rest():
            self._pass_on(rest)

    def close(self) -> None:
        """Stop reading."""
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def remove(self) -> None:
        """Stop reading, for good."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _read_once(self) -> bool:
        if self._descriptor < 0:  # it could not be made anew
            return False
        try:
            chunk = os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return False
        for line in self._lines.take(chunk):
            self._pass_on(line)
        if self._needle.found_in(chunk):
            self._listener.on_healthy_output(self.name)
        return bool(chunk)

    def _pass_on(self, line: bytes) -> None:
        entry = self._system_log.write(renamed(line, self._names), self.name)
        if entry is not None:
            self.last_error = error_of(entry) or self.last_error
        self._listener.on_line(self.name, line)
