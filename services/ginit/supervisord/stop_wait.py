"""How long supervisord waits for a service that is to end, changed while it runs: an RPC interface for supervisord.

supervisord takes it from its own config only, at the start; ours comes from the service's config, which may change.
"""

from __future__ import annotations

from typing import Any

from supervisor.xmlrpc import Faults, RPCError


class StopWait:
    """The interface `gecholog`."""

    def __init__(self, supervisord: Any) -> None:
        self._supervisord = supervisord

    def wait(self, group: str, seconds: int) -> bool:
        """Kill the processes of a group so many seconds after they were asked to end. RPCError: there is no such group.

        supervisord looks at the number when it asks a process to end.
        """
        if group not in self._supervisord.process_groups:
            raise RPCError(Faults.BAD_NAME, group)
        for process in self._supervisord.process_groups[group].processes.values():
            process.config.stopwaitsecs = seconds
        return True


def make(supervisord: Any, **_: Any) -> StopWait:
    """What supervisord.conf names."""
    return StopWait(supervisord)
