"""supervisord's socket, made anew when somebody has removed it: an RPC interface for supervisord, without methods.

ginit reaches supervisord by the socket's path alone. Connections that stand live on without it, but a ginit that is
started anew would find nobody, and the appliance could not go on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from supervisor import events


class SocketRepair:
    """Looks every five seconds, when supervisord tells the time."""

    def __init__(self, supervisord: Any) -> None:
        self._options = supervisord.options
        self._supervisord = supervisord
        events.subscribe(events.Tick5Event, self._look)

    def _look(self, _: object) -> None:
        file = Path(self._options.httpservers[0][0]["file"])
        if file.is_socket():
            return
        try:
            self._repair(file)
        except (OSError, ValueError) as error:
            self._options.logger.warn("the socket cannot be made anew: %(reason)s", reason=error)  # noqa: G010 - supervisor has its own
        else:
            events.unsubscribe(events.Tick5Event, self._look)  # the new server has made one of us that looks

    def _repair(self, file: Path) -> None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = self._options.make_http_servers(self._supervisord)
        for _, server in self._options.httpservers:
            server.close()
        self._options.httpservers = made
        self._options.logger.info("the socket was gone, and is made anew")


def make(supervisord: Any, **_: Any) -> SocketRepair:
    """What supervisord.conf names."""
    return SocketRepair(supervisord)
