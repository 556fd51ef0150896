"""Where the bus is, and how to log in to it: from a `service_bus` section, or from the environment of a processor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gecholog.credentials import Credentials
from gecholog.server_address import ServerAddress, parse_servers
from gecholog.tls import BusTls

_LOCAL = "localhost"


@dataclass(frozen=True, slots=True)
class BusAddress:
    """The servers of the bus, of which any one will do, and what to log in with.

    `tls` None: encrypted only if a server's address or the server itself asks for that.
    """

    servers: tuple[ServerAddress, ...]
    credentials: Credentials = field(default_factory=Credentials)
    tls: BusTls | None = None

    @classmethod
    def of(cls, servers: str, token: str = "") -> BusAddress:
        """Servers as `parse_servers` reads them, with a token. Raises ValueError."""
        return cls(parse_servers(servers), Credentials(token))

    @classmethod
    def of_section(cls, section: Mapping[str, Any]) -> BusAddress:
        """From a `service_bus` section that was checked."""
        servers = tuple(ServerAddress.parse(text) for _, text in named_servers(section))
        return cls(servers, Credentials.of_section(section), BusTls.of(section["tls"]) if "tls" in section else None)

    @classmethod
    def of_environment(cls, environ: Mapping[str, str]) -> BusAddress:
        """From environment variables, whose names are mostly those of the NATS command line.

        GECHOLOG_HOST names the servers, with commas between (`localhost` if it is not set). NATS_TOKEN, NATS_USER and
        NATS_PASSWORD, NATS_NKEY (a file) or NATS_CREDS (a file) are the credentials. NATS_CA, NATS_CERT and NATS_KEY
        are files for TLS. Raises ValueError.
        """
        try:
            servers = parse_servers(environ.get("GECHOLOG_HOST") or _LOCAL)
        except ValueError as error:
            raise ValueError(f"GECHOLOG_HOST {error}") from None
        names = ("NATS_TOKEN", "NATS_USER", "NATS_PASSWORD", "NATS_NKEY", "NATS_CREDS")
        credentials = Credentials(*(environ.get(name, "") for name in names))
        authority, certificate, key = (environ.get(name, "") for name in ("NATS_CA", "NATS_CERT", "NATS_KEY"))
        if not (authority or certificate):
            return cls(servers, credentials)
        files = (authority,) if authority else ()
        return cls(
            servers,
            credentials,
            BusTls.of({"cert_files": files, "certificate_file": certificate, "private_key_file": key}),
        )

    @property
    def hostname(self) -> str:
        """The servers, as log lines have them."""
        return ", ".join(str(server) for server in self.servers)


def named_servers(section: Mapping[str, Any]) -> list[tuple[int | None, str]]:
    """The addresses in a `service_bus` section, each with its index where they are a list."""
    named = section["hostname"]
    if isinstance(named, str):
        return [(None, text.strip(" ")) for text in named.split(",")]
    return list(enumerate(named))
