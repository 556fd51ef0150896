"""Proxies in front of upstreams, from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, read once at start.

The rules are those of Go (golang.org/x/net/http/httpproxy), a superset of curl's: lower-case variables take
precedence; `NO_PROXY` lists host names (including their subdomains, with or without a leading `*.`), addresses and
networks, each with an optional port; `*` matches everything. The loopback addresses of this machine never use a proxy.
`HTTP_PROXY` in capitals counts as well, because gl never runs as CGI.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from gecholog import host_port
from services.gl.errors import UpstreamError
from services.gl.routing.routers import Origin
from services.gl.upstream.connection import UpstreamConnection

if TYPE_CHECKING:
    import socket
    import ssl

_LARGEST_REPLY = 64 * 1024  # bytes of a proxy's response to CONNECT

Make = Callable[["socket.socket"], UpstreamConnection]


@dataclass(frozen=True, slots=True)
class Route:
    """A proxy."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)

    @property
    def authorization_line(self) -> str:
        """The header line with the credentials for the proxy; empty if there are none."""
        return f"Proxy-Authorization: {self.authorization}\r\n" if self.authorization else ""


@dataclass(frozen=True, slots=True)
class NoProxyEntry:
    """An entry of `NO_PROXY`: a host name with its subdomains, or a network. None as port: all ports."""

    name: str
    network: IPv4Network | IPv6Network | None
    port: int | None

    def covers(self, host: str, port: int) -> bool:
        """Tell whether this entry matches an upstream."""
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            address = _address(host)
            return address is not None and address in self.network
        return self.name in ("*", host) or host.endswith("." + self.name)


@dataclass(frozen=True, slots=True)
class Proxies:
    """Which upstream is called through which proxy."""

    by_scheme: Mapping[str, Route] = field(default_factory=dict)
    direct: tuple[NoProxyEntry, ...] = ()

    def route(self, origin: Origin) -> Route | None:
        """The proxy for an upstream; None if it is called directly."""
        if not self.by_scheme:
            return None
        host = origin.name.lower()
        if _is_this_machine(host) or any(entry.covers(host, origin.port) for entry in self.direct):
            return None
        return self.by_scheme.get(origin.scheme)


def from_environment(environ: Mapping[str, str]) -> Proxies:
    """Read the proxy variables. Raises ValueError for an invalid address, with the variable's name, not its value."""
    found = {}
    for scheme in ("http", "https"):
        name = f"{scheme}_proxy"
        if value := environ.get(name) or environ.get(name.upper()):
            found[scheme] = _route(name.upper(), value)
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return Proxies(found, tuple(_direct(part.strip()) for part in listed.split(",") if part.strip()))


def _route(name: str, value: str) -> Route:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        raise ValueError(f"{name} must be an http address") from None  # the cause would quote the value
    if parts.scheme != "http" or not host or parts.path not in ("", "/"):
        raise ValueError(f"{name} must be an http address")
    secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    encoded = base64.b64encode(secret.encode("utf-8", "surrogateescape")).decode()
    authorization = f"Basic {encoded}" if secret else ""
    return Route(host, port, authorization)


def _direct(text: str) -> NoProxyEntry:
    try:
        return NoProxyEntry("", ip_network(text.strip("[]"), strict=False), None)
    except ValueError:
        pass
    try:
        name, port = host_port.split(text)
    except ValueError:
        name, port = text, None
    address = _address(name)
    return NoProxyEntry(_name(name), ip_network(address) if address else None, port)


def _name(text: str) -> str:
    return text.lower().removeprefix("*.").lstrip(".")


def _is_this_machine(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


async def connect(
    make: Make, connected: socket.socket, origin: Origin, route: Route | None, context: ssl.SSLContext | None
) -> UpstreamConnection:
    """Open a connection to an upstream, on a socket that leads to it, or to its proxy if there is a `route`.

    It uses TLS if there is a `context`, and owns the socket from now on. Raises OSError (SSLError among them) and
    UpstreamError.
    """
    loop = asyncio.get_running_loop()
    if route is None or context is None:
        name = origin.name if context else None
        _, connection = await loop.create_connection(
            lambda: make(connected), sock=connected, ssl=context, server_hostname=name
        )
        return connection
    transport, tunnel = await loop.create_connection(_Tunnel, sock=connected)
    try:
        await tunnel.open(origin, route)
        connection = make(connected)
        secure = await loop.start_tls(transport, connection, context, server_hostname=origin.name)
    except BaseException:
        transport.close()
        raise
    if secure is None:
        raise UpstreamError(502, "TLS: connection lost")
    connection.connection_made(secure)
    return connection


class _Tunnel(asyncio.Protocol):
    """Opens a tunnel through a proxy: CONNECT and its response (RFC 9110, section 9.3.6)."""

    def __init__(self) -> None:
        self._transport: Any = None  # uvloop's transports are no subclasses of asyncio.Transport
        self._answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._reply = b""

    async def open(self, origin: Origin, route: Route) -> None:
        """Open a tunnel to `origin`. Raises UpstreamError if the proxy refuses."""
        where = host_port.join(origin.host, origin.port)
        head = f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n{route.authorization_line}\r\n"
        self._transport.write(head.encode("ascii"))
        reply = await self._answered
        status = reply.split(b" ", 2)[1:2]
        if status != [b"200"]:
            raise UpstreamError(502, "the proxy refuses the connection")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._reply += data
        if self._answered.done():
            return
        if b"\r\n\r\n" in self._reply:
            self._answered.set_result(self._reply)
        elif len(self._reply) > _LARGEST_REPLY:
            self._answered.set_exception(UpstreamError(502, "the proxy does not answer in HTTP"))

    def connection_lost(self, _: Exception | None) -> None:
        if not self._answered.done():
            self._answered.set_exception(UpstreamError(502, "the proxy closed the connection"))
