"""TCP connections by host name: resolve all addresses of a name, then race them (RFC 8305, Happy Eyeballs version 2).

Event loops try the addresses of a name one after the other. A dead first address would then use up the connect
time-out of each call, although the next address would answer at once.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import zip_longest
from typing import Any

from gecholog import hostname, keepalive

_DELAY = 0.25  # seconds before the next address is tried as well (RFC 8305, section 5)
_LEAST_DELAY = 0.01  # the least that section 5 allows
_AVOIDED_FOR = 60.0  # seconds in which an address that lost a race is tried last
_MOST_AVOIDED = 256


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """An address as the socket module takes it."""

    family: int
    sockaddr: tuple[Any, ...]


Resolve = Callable[[str, int], Awaitable[Sequence[SocketAddress]]]


def is_host(text: str) -> bool:
    """Tell whether `text` can be resolved: a valid DNS name, or an address."""
    try:
        encoded = text.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    return not hostname.problem(encoded)


async def resolve(host: str, port: int) -> Sequence[SocketAddress]:
    """All addresses of a host, in the system's order of preference (RFC 6724). Raises OSError (gaierror).

    Resolves in a thread, unless `host` is an address.
    """
    if (literal := _literal(host, port)) is not None:
        return [literal]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [SocketAddress(family, sockaddr) for family, _, _, _, sockaddr in found]


def _literal(host: str, port: int) -> SocketAddress | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if address.version == 4:  # noqa: PLR2004 - IPv4
        return SocketAddress(socket.AF_INET, (host, port))
    if "%" in host:  # getaddrinfo turns the scope into its number
        return None
    return SocketAddress(socket.AF_INET6, (host, port, 0, 0))


def interleaved(addresses: Iterable[SocketAddress]) -> list[SocketAddress]:
    """`addresses` with alternating families, beginning with the family of the first one (RFC 8305, section 4)."""
    families: dict[int, list[SocketAddress]] = {}
    for address in addresses:
        families.setdefault(address.family, []).append(address)
    return [address for group in zip_longest(*families.values()) for address in group if address is not None]


class Dialer:
    """Opens TCP connections, and remembers for a minute which addresses lost a race."""

    def __init__(self, lookup: Resolve = resolve) -> None:
        self._resolve = lookup
        self._avoided: dict[SocketAddress, float] = {}  # address → until when, by the loop's clock

    async def addresses(self, host: str, port: int) -> list[SocketAddress]:
        """The addresses of `host`, in the order in which to try them. Raises OSError (gaierror) if there are none."""
        if not is_host(host):
            raise socket.gaierror(socket.EAI_NONAME, "not a host name")
        found = await self._resolve(host, port)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        return self._ordered(dict.fromkeys(found))

    async def connect(self, addresses: Sequence[SocketAddress], seconds: float | None) -> socket.socket:
        """Return a socket connected to the first address that answers. Raises OSError if none does.

        `seconds` is the caller's time-out: all addresses are tried within half of it.
        """
        if len(addresses) == 1:
            return await _attempt(addresses[0])
        delay = _DELAY if seconds is None else max(_LEAST_DELAY, min(_DELAY, seconds / 2 / len(addresses)))
        connected, winner, losers = await _race(addresses, delay)
        self._remember(winner, losers)
        return connected

    def _ordered(self, addresses: Iterable[SocketAddress]) -> list[SocketAddress]:
        now = asyncio.get_running_loop().time()
        order = interleaved(addresses)
        return sorted(order, key=lambda address: self._avoided.get(address, 0.0) > now)

    def _remember(self, winner: SocketAddress, losers: Iterable[SocketAddress]) -> None:
        now = asyncio.get_running_loop().time()
        self._avoided.pop(winner, None)
        for address in losers:
            self._avoided[address] = now + _AVOIDED_FOR
        if len(self._avoided) > _MOST_AVOIDED:
            self._avoided = {address: until for address, until in self._avoided.items() if until > now}


async def _race(
    addresses: Sequence[SocketAddress], delay: float
) -> tuple[socket.socket, SocketAddress, list[SocketAddress]]:
    """Return the first socket that connects, its address, and the addresses that were tried before it."""
    left = list(addresses)
    running: dict[asyncio.Task[socket.socket], SocketAddress] = {}
    tried: list[SocketAddress] = []
    fault: OSError | None = None
    loop = asyncio.get_running_loop()
    try:
        while left or running:
            if left:
                address = left.pop(0)
                tried.append(address)
                running[loop.create_task(_attempt(address), name="connection attempt")] = address
            done, _ = await asyncio.wait(running, timeout=delay if left else None, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task in done]:
                failed = task.exception()
                if failed is None:
                    winner = running.pop(task)
                    return task.result(), winner, tried[: tried.index(winner)]
                if not isinstance(failed, OSError):
                    raise failed
                del running[task]
                fault = failed
        raise fault or OSError(errno.EADDRNOTAVAIL, "no address")
    finally:
        fault = failed = None  # the traceback holds this frame: a reference cycle
        _end(running)


def _end(attempts: Iterable[asyncio.Task[socket.socket]]) -> None:
    """Stop the other attempts, and close their sockets. A cancelled attempt closes its own socket."""
    for task in attempts:
        if not task.cancel() and not task.cancelled() and task.exception() is None:
            task.result().close()


async def _attempt(address: SocketAddress) -> socket.socket:
    """Return a socket connected to an address. Raises OSError.

    Does not use the loop's `sock_connect`: uvloop's resolves the address once more, and loses the scope of IPv6.
    """
    connecting = socket.socket(address.family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        connecting.settimeout(0)
        keepalive.enable(connecting)
        await _connect(connecting, address)
    except BaseException:
        connecting.close()
        raise
    return connecting


async def _connect(connecting: socket.socket, address: SocketAddress) -> None:
    code = connecting.connect_ex(address.sockaddr)
    if code == errno.EINPROGRESS:
        await _writable(connecting)
        code = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


async def _writable(connecting: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_writer(connecting, _set, ready)
    try:
        await ready
    finally:
        loop.remove_writer(connecting)


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
