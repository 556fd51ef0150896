"""Sets how long supervisord waits for the end of a service, at run time: an RPC interface for supervisord.

supervisord reads that number from its own config only, and only once; ours comes from the config of the service, which
may change.
"""

from __future__ import annotations

from typing import Any

from supervisor.xmlrpc import Faults, RPCError


class StopWait:
    """The interface `gecholog`. Methods are named as those of supervisord."""

    def __init__(self, supervisord: Any) -> None:
        self._supervisord = supervisord

    def setStopWait(self, group: str, seconds: int) -> bool:  # noqa: N802 - see above
        """Kill the processes of a group so many seconds after they were asked to end. Raises RPCError: unknown group.

        supervisord reads the number when it asks a process to end.
        """
        if group not in self._supervisord.process_groups:
            raise RPCError(Faults.BAD_NAME, group)
        for process in self._supervisord.process_groups[group].processes.values():
            process.config.stopwaitsecs = seconds
        return True


def make(supervisord: Any, **_: Any) -> StopWait:
    """The factory that supervisord.conf names."""
    return StopWait(supervisord)
