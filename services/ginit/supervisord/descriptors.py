"""The file descriptors that the launcher hands to supervisord, and supervisord to ginit.

`minfds=8` in supervisord.conf keeps supervisord from closing 8 and 9 in the processes that it starts. The start script
of a service closes both (`program.start_script`). Sockets that the service manager holds (`gecholog.held_sockets`) are
above them, and all services inherit them: a shell cannot close a descriptor with two digits.
"""

from __future__ import annotations

import fcntl
import os

EXIT_CODE = 8
"""The writing end of the pipe that takes the exit code of the appliance (`exit_code`)."""
SYSTEM_LOG = 9
"""The standard output of the appliance. ginit writes there: its own belongs to the event listener protocol."""
FIRST_PRIVATE = 10
"""Descriptors from here on are safe: a supervisord that restarts closes those below."""


def moved_up(descriptor: int) -> int:
    """Replace a descriptor by one from `FIRST_PRIVATE` on, which no process inherits; returns the new one."""
    private = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_PRIVATE)
    os.close(descriptor)
    return private
