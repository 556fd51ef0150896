"""Selects and formats the entries of the system log that are shown on a terminal. Pure, except for the stream.

While the appliance starts, a line is shown for each service that becomes healthy, and for each problem. After that all
entries are shown, except routine ones and those of nats-server.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TextIO

from services.ginit.lines import json_fields
from services.ginit.printable import printable
from services.ginit.startup.importing import IMPORTED
from services.ginit.startup.prepare import CANNOT_START
from services.ginit.startup.upgrade import UPDATED
from services.ginit.terminal.call_line import call_line
from services.ginit.terminal.log_line import log_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.ginit.terminal.installation import Installation
    from services.ginit.terminal.palette import Palette

_BUS = "nats-server"
_OF_CONFIGS = frozenset({UPDATED, IMPORTED})  # someone's config file was changed
_ROUTINE = frozenset({"status"})  # logged by a sink once a minute


class Screen:
    """Shows the entries of the system log and the calls, each as it comes."""

    def __init__(self, stream: TextIO, palette: Palette, installation: Installation) -> None:
        self.palette = palette
        self._stream = stream
        self._installation = installation
        self._started = False

    def show(self, text: str) -> None:
        """Write a line, or several. A terminal that is gone does not end the appliance."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def started(self) -> None:
        """The start of all services is over."""
        self._started = True

    def log(self, line: bytes) -> None:
        """Show a line of the system log, unless it is routine."""
        entry = json_fields(line)
        if not entry:
            if text := line.decode("utf-8", "replace").strip():
                self.show(printable(text))
        elif self._is_shown(entry):
            self.show(log_line(entry, self.palette))
        elif not self._started and entry.get("msg") == "service is healthy":
            self.show(self._healthy(str(entry.get("child", ""))))

    def call(self, record: bytes) -> None:
        """Show a call by its record."""
        if (line := call_line(record, self.palette)) is not None:
            self.show(line)

    def _is_shown(self, entry: Mapping[str, Any]) -> bool:
        if not self._started and "consequence" in entry and entry.get("level") == "WARN":
            return False  # a config entry that is left out; the summary lists it
        if entry.get("msg") == CANNOT_START:
            return False  # the entry point writes it to standard error as well
        if entry.get("msg") in _OF_CONFIGS:
            return True
        if entry.get("level") in ("WARN", "ERROR"):
            return True
        return self._started and entry.get("service") != _BUS and entry.get("msg") not in _ROUTINE

    def _healthy(self, name: str) -> str:
        port = self._installation.ports.get(name)
        where = f"port {port}" if port is not None else ""
        state = self.palette.dim("off") if self._installation.is_off(name) else self.palette.green("healthy")
        return f"  {printable(name):13} {state}  {where}".rstrip()
