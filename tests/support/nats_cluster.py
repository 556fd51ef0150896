"""A real cluster of nats-servers on free ports of 127.0.0.1."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.nats_server import NatsServer
from tests.support.ports import free_port
from tests.support.waiting import until


@dataclass(frozen=True, slots=True)
class ServerAddresses:
    """Where a server runs: the addresses for clients and for other servers, and the command that runs it there."""

    host: str = "127.0.0.1"
    routes: str = "127.0.0.1"
    run_by: tuple[str, ...] = ()


_HERE = (ServerAddresses(),) * 3


class NatsCluster:
    """Servers that know each other. Each can be killed and started again; `servers` are n1, n2, n3, ….

    `settings` are further settings of all servers.
    """

    def __init__(
        self,
        folder: Path,
        places: Sequence[ServerAddresses] = _HERE,
        *,
        jetstream: bool = True,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.token = secrets.token_hex(8)
        routes = [f"{place.routes}:{free_port()}" for place in places]
        self.servers = [
            NatsServer(
                folder / f"n{number}",
                jetstream=jetstream,
                host=place.host,
                token=self.token,
                run_by=place.run_by,
                settings={
                    "server_name": f"n{number}",
                    "http": f"{place.host}:{free_port()}",
                    "cluster": {
                        "name": "tests",
                        "listen": listen,
                        "routes": [f"nats-route://{other}" for other in routes],
                    },
                    "lame_duck_grace_period": "10s",
                    "lame_duck_duration": "30s",
                }
                | (settings or {}),
            )
            for number, (place, listen) in enumerate(zip(places, routes, strict=True), start=1)
        ]

    @property
    def hostnames(self) -> list[str]:
        return [server.hostname for server in self.servers]

    def server_named(self, name: str) -> NatsServer:
        """The server with this name, as JetStream has it."""
        return self.servers[int(name.removeprefix("n")) - 1]

    def start(self) -> None:
        """Start all servers, and return when they have found each other."""
        for server in self.servers:
            server.start()
        until(self.is_complete, "the cluster")

    def kill(self) -> None:
        for server in self.servers:
            server.kill()

    def is_complete(self) -> bool:
        """Each server names all of them to its clients."""
        return all(len(server.info().get("connect_urls", ())) == len(self.servers) for server in self.servers)
