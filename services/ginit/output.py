"""The output of the services: standard output and error of each one is a named pipe that ginit reads.

The output events of supervisord are not used: they split characters, and are dropped under load. A service opens its
pipe for reading and writing (`1<>`). So it neither blocks nor gets SIGPIPE if there is no reader, and the pipe keeps
what it writes while ginit restarts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Protocol

from gecholog.timer import now, rfc3339
from services.ginit.lines import (
    LineBuffer,
    Replacements,
    TextSearch,
    error_text,
    replace_all,
    replacements_of,
    system_log_entry,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import BinaryIO

_CHUNK = 64 * 1024  # bytes, what a pipe holds


class OutputListener(Protocol):
    """Receives what a service writes."""

    def on_line(self, name: str, line: bytes) -> None:
        """The service has written a line."""

    def on_healthy_output(self, name: str) -> None:
        """The service has written its healthy output."""


class SystemLog:
    """The one stream of JSON lines of all services."""

    def __init__(self, stream: BinaryIO, secrets: Iterable[str]) -> None:
        self._stream = stream
        self._secrets = tuple(secret.encode() for secret in secrets if secret)

    def write(self, line: bytes, service: str) -> bytes | None:
        """Write a line of a service, as JSON if it is not; returns what was written."""
        entry = system_log_entry(line, service, rfc3339(now().wall_ns), self._secrets)
        if entry is not None:
            with contextlib.suppress(OSError):  # a log without a reader must not stop the services
                self._stream.write(entry + b"\n")
                self._stream.flush()
        return entry


class OutputPipe:
    """The output of one service."""

    def __init__(
        self, name: str, path: Path, healthy_output: str, system_log: SystemLog, listener: OutputListener
    ) -> None:
        self.name = name
        self.path = path
        self._system_log = system_log
        self._listener = listener
        self._lines = LineBuffer()
        self._search = TextSearch(healthy_output)
        self._descriptor = -1
        self._replacements: Replacements = ()
        self.last_error = ""  # since the process was started

    def replace_names(self, names: Mapping[str, str]) -> None:
        """Replace file names in what the service writes, given as old → new, before it goes to the log."""
        self._replacements = replacements_of(names)

    def open(self) -> None:
        """Start reading. Raises OSError."""
        if not self.path.is_fifo():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.unlink(missing_ok=True)
            os.mkfifo(self.path, 0o600)
        # for writing too: without a writer, each read would return end of file
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        asyncio.get_running_loop().add_reader(self._descriptor, self._read_once)

    def recreate_if_missing(self) -> None:
        """Create the pipe again if it was removed. Call it only while no process writes to it. Raises OSError."""
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
        """Search for this text from now on, because the process is being started."""
        self._search = TextSearch(healthy_output)
        self.last_error = ""

    def drain(self) -> None:
        """Read everything that was written. The process must have ended: its last line may have no line break."""
        while self._read_once():
            pass
        if rest := self._lines.flush():
            self._pass_on(rest)

    def close(self) -> None:
        """Stop reading."""
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def remove(self) -> None:
        """Stop reading, and remove the pipe."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _read_once(self) -> bool:
        if self._descriptor < 0:  # it could not be created again
            return False
        try:
            chunk = os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return False
        for line in self._lines.feed(chunk):
            self._pass_on(line)
        if self._search.feed(chunk):
            self._listener.on_healthy_output(self.name)
        return bool(chunk)

    def _pass_on(self, line: bytes) -> None:
        line = replace_all(line, self._replacements)
        entry = self._system_log.write(line, self.name)
        if entry is not None:
            self.last_error = error_text(entry) or self.last_error
        self._listener.on_line(self.name, line)
