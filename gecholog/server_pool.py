"""The servers of the bus that a client knows, and the order in which it tries them. No I/O."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from gecholog.server_address import ServerAddress


class ServerPool:
    """The configured servers, and those that they listed in their INFO.

    Clients try the servers in random order, which distributes them evenly over a cluster.
    """

    def __init__(self, configured: Sequence[ServerAddress], random: Random) -> None:
        self._configured = tuple(configured)
        self._discovered: tuple[ServerAddress, ...] = ()
        self._random = random

    @property
    def servers(self) -> tuple[ServerAddress, ...]:
        """All servers, the configured ones first."""
        return tuple(dict.fromkeys((*self._configured, *self._discovered)))

    def discover(self, connect_urls: Iterable[str], through: ServerAddress) -> list[ServerAddress]:
        """Replace the discovered servers by those that `through` lists. Returns the new ones.

        They use TLS if `through` does. Servers usually list IP addresses, which certificates seldom contain. Then the
        certificate must be for the name of `through`.
        """
        known = {(server.host, server.port) for server in self.servers}
        name = through.certificate_name or ("" if through.is_ip else through.host)
        found = []
        for url in connect_urls:
            with contextlib.suppress(ValueError):
                server = ServerAddress.parse(url)
                found.append(replace(server, tls=through.tls, certificate_name=name if server.is_ip else ""))
        configured = {(server.host, server.port) for server in self._configured}
        told = [server for server in found if (server.host, server.port) not in configured]
        self._discovered = tuple(dict.fromkeys(told))
        return [server for server in self._discovered if (server.host, server.port) not in known]

    def order(self, last: ServerAddress | None = None) -> list[ServerAddress]:
        """All servers in the order in which to try them. `last`, whose connection was just lost, is at the end."""
        order = self._shuffled(self._configured) + self._shuffled(self._discovered)
        if last in order and len(order) > 1:
            order.remove(last)
            order.append(last)
        return order

    def _shuffled(self, servers: Sequence[ServerAddress]) -> list[ServerAddress]:
        return self._random.sample(servers, len(servers))
