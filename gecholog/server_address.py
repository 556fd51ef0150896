"""The address of a server of the bus, as config files and environment variables have it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gecholog import host_port

PORT = 4222

_SCHEMES = {"nats": False, "tls": True}  # whether the connection has to be encrypted
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_IP = re.compile(r"[0-9.]+|.*:.*")


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Host and port of a server; `tls` if the address asks for an encrypted connection.

    `certificate_name` is the host name in the server's certificate, where that is not the host.
    """

    host: str
    port: int = PORT
    tls: bool = False
    certificate_name: str = ""

    @classmethod
    def parse(cls, text: str) -> ServerAddress:
        """Read `host`, `host:port`, `nats://host:port` or `tls://host:port`; the port may be left out (4222).

        Raises ValueError. The message does not repeat the text, which may hold a secret.
        """
        scheme, separator, rest = text.rpartition("://")
        if separator and scheme not in _SCHEMES:
            raise ValueError("must begin with nats:// or tls://, or with a host")
        if "@" in rest:
            raise ValueError("must not hold credentials")
        host, port = host_port.split(rest.removesuffix("/") if separator else rest)
        if not _HOST.fullmatch(host) or ".." in host:
            raise ValueError("must be host or host:port")
        return cls(host, port or PORT, _SCHEMES.get(scheme, False))

    @property
    def is_ip(self) -> bool:
        """Whether the host is an IP address."""
        return _IP.fullmatch(self.host) is not None

    def __str__(self) -> str:
        """`host:port`, as log lines have it."""
        return host_port.join(self.host, self.port)


def parse_servers(text: str) -> tuple[ServerAddress, ...]:
    """Read one address, or several with commas between. Raises ValueError, also if there is none."""
    parts = [part.strip() for part in text.split(",")]
    return tuple(dict.fromkeys(ServerAddress.parse(part) for part in parts))
