"""The exit code of the appliance: ginit decides on it, and the launcher ends with it.

supervisord always ends with 0 when it is told to stop. So the code travels through a pipe that ginit inherits. A file
would need a folder that exists and can be written, which may be the very thing that failed.
"""

from __future__ import annotations

import contextlib
import os

from services.ginit.supervisord.descriptors import EXIT_CODE, moved_up


def decide(code: int) -> None:
    """Set the code that the appliance ends with, 0 to 255. This alone does not end it."""
    with contextlib.suppress(OSError):
        os.write(EXIT_CODE, bytes([code]))


class ExitCode:
    """The launcher's end of the pipe."""

    def __init__(self) -> None:
        """Open the pipe. Processes inherit the writing end only, as the descriptor EXIT_CODE."""
        reading, writing = os.pipe()
        self._reading = moved_up(reading)
        os.set_blocking(self._reading, False)
        high = moved_up(writing)  # it may have the number by chance
        os.dup2(high, EXIT_CODE)  # which processes inherit
        os.close(high)
        os.set_blocking(EXIT_CODE, False)

    def read(self) -> int:
        """The code that was set last; 0 if there was none."""
        try:
            return (os.read(self._reading, 4096) or b"\0")[-1]
        except BlockingIOError:
            return 0
