"""What a server says of itself in an INFO message: https://docs.nats.io/reference/reference-protocols/nats-protocol#info.

A server sends one when a client connects, and another one whenever something changes: the other servers of its cluster,
or that it is about to shut down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gecholog import rawjson
from gecholog.errors import BusError, NotJson

_USUAL_MAX_PAYLOAD = 1024 * 1024  # bytes, a server's default


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """The fields of an INFO message that a client needs.

    `connect_urls` are addresses of all servers of the cluster, `host:port`. A server in lame duck mode takes no new
    connections, and ends those that it has. `nonce` is what an NKey signs.
    """

    server_id: str = ""
    max_payload: int = _USUAL_MAX_PAYLOAD
    connect_urls: tuple[str, ...] = ()
    tls_required: bool = False
    tls_available: bool = False
    lame_duck: bool = False
    nonce: str = ""

    @classmethod
    def parse(cls, data: bytes) -> ServerInfo:
        """Read the JSON of an INFO message. Fields of another type are left at their defaults. Raises BusError."""
        try:
            info = rawjson.loads(data)
        except NotJson as error:
            raise BusError("no NATS server") from error
        if not isinstance(info, dict):
            raise BusError("no NATS server")
        limit, urls = info.get("max_payload"), info.get("connect_urls")
        return cls(
            server_id=_text(info.get("server_id")),
            max_payload=limit if isinstance(limit, int) and limit > 0 else _USUAL_MAX_PAYLOAD,
            connect_urls=tuple(url for url in urls if isinstance(url, str)) if isinstance(urls, list) else (),
            tls_required=info.get("tls_required") is True,
            tls_available=info.get("tls_available") is True,
            lame_duck=info.get("ldm") is True,
            nonce=_text(info.get("nonce")),
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
