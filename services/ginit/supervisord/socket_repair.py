"""Creates supervisord's socket again if it was removed: an RPC interface for supervisord, without methods.

ginit finds supervisord by the path of the socket alone. Open connections survive without it, but a ginit that is
restarted would find no supervisord, and the appliance could not go on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from supervisor import events


class SocketRepair:
    """Looks for the socket on each Tick5Event, which supervisord emits every five seconds."""

    def __init__(self, supervisord: Any) -> None:
        self._options = supervisord.options
        self._supervisord = supervisord
        events.subscribe(events.Tick5Event, self._check)

    def _check(self, _: object) -> None:
        file = Path(self._options.httpservers[0][0]["file"])
        if file.is_socket():
            return
        try:
            self._repair(file)
        except (OSError, ValueError) as error:
            self._options.logger.warn("cannot create the socket again: %(reason)s", reason=error)  # noqa: G010 - supervisor has its own
        else:
            events.unsubscribe(events.Tick5Event, self._check)  # the new server has made another one of us

    def _repair(self, file: Path) -> None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = self._options.make_http_servers(self._supervisord)
        for _, server in self._options.httpservers:
            server.close()
        self._options.httpservers = made
        self._options.logger.info("the socket was removed, created it again")


def make(supervisord: Any, **_: Any) -> SocketRepair:
    """The factory that supervisord.conf names."""
    return SocketRepair(supervisord)
