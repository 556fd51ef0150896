"""File descriptors: how many connections of clients the process can serve. Each call needs one to its upstream, too."""

from __future__ import annotations

import contextlib
import resource

_RESERVED = 96  # the bus, the journal, logs, name resolution, listening sockets, connections that are being refused
_PER_CALL = 2  # the client's connection and the upstream's
_FEWEST = 8  # connections, however few descriptors there are


def raise_limit() -> int | None:
    """Raise the soft limit of open files to the hard limit. Returns the limit in force, None if there is none."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # macOS: no more than kern.maxfilesperproc
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return None if soft == resource.RLIM_INFINITY else soft


def most_connections(wanted: int, descriptors: int | None) -> int:
    """Connections that may be open at once: `wanted`, or fewer if there are not enough descriptors. 0 is no limit."""
    if descriptors is None:
        return wanted
    possible = max(_FEWEST, (descriptors - _RESERVED) // _PER_CALL)
    return min(wanted, possible) if wanted else possible
