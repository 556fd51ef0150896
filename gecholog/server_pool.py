"""The servers of the bus that a client knows, and the order in which it tries them. No I/O."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random

from gecholog.server_address import ServerAddress


class ServerPool:
    """The configured servers, and those that they told of.

    Clients try the servers in random order, so that a cluster's servers get about equally many of them.
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
        """Take the servers that one of them names in place of those named before; returns those that are new.

        They want TLS if that one does. Servers mostly name IP addresses, which certificates seldom hold: then the name
        of the server that told of them has to be in the certificate.
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
        """All servers, in the order in which they are to be tried: `last`, the one that was just lost, at the end."""
        order = self._shuffled(self._configured) + self._shuffled(self._discovered)
        if last in order and len(order) > 1:
            order.remove(last)
            order.append(last)
        return order

    def _shuffled(self, servers: Sequence[ServerAddress]) -> list[ServerAddress]:
        return self._random.sample(servers, len(servers))
