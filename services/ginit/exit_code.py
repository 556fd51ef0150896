"""The exit code of the appliance: ginit decides on it, and the launcher ends with it.

It travels through a pipe that ginit inherits. A file would do only as long as its folder is there and can be written,
and when an appliance has to end is just when it may not be.
"""

from __future__ import annotations

import contextlib
import fcntl
import os

DESCRIPTOR = 8
"""The writing end in ginit; supervisord keeps it open for its processes (`minfds` in supervisord.conf)."""


def decide(code: int) -> None:
    """Have the appliance end with this code, 0 to 255. It has to be ended by other means."""
    with contextlib.suppress(OSError):
        os.write(DESCRIPTOR, bytes([code]))


class ExitCode:
    """The launcher's side."""

    def __init__(self, above: int) -> None:
        """Open the pipe. The reading end gets a descriptor from `above` on, and no process inherits it."""
        reading, writing = os.pipe()
        self._reading = fcntl.fcntl(reading, fcntl.F_DUPFD_CLOEXEC, above)
        os.set_blocking(self._reading, False)
        os.close(reading)
        high = fcntl.fcntl(writing, fcntl.F_DUPFD_CLOEXEC, above)  # it may have the number by chance
        os.close(writing)
        os.dup2(high, DESCRIPTOR)  # which processes inherit
        os.close(high)
        os.set_blocking(DESCRIPTOR, False)

    def read(self) -> int:
        """The code that was decided on last; 0 if there was none."""
        try:
            return (os.read(self._reading, 4096) or b"\0")[-1]
        except BlockingIOError:
            return 0
