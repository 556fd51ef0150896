"""Connects to the bus: tries its servers one after another until one accepts the connection."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Mapping

from gecholog.bus_address import BusAddress
from gecholog.errors import BusError, BusRefused, LoginRefused
from gecholog.log_throttle import LogThrottle
from gecholog.logs import Log
from gecholog.server_address import ServerAddress
from gecholog.server_info import ServerInfo
from gecholog.server_pool import ServerPool
from gecholog.wire import Login, Observer, Wire

FAILURES = (BusError, OSError, TimeoutError)

_TIMEOUT = 2.0  # seconds for one server
_LOG_EVERY = 5.0  # seconds
_FIRST_PAUSE = 0.05  # seconds between rounds over all servers
_LONGEST_PAUSE = 1.0  # seconds; short, so that a bus that is back is found soon

_Failures = Mapping[ServerAddress, Exception]


class Dialer:
    """Finds a server of one bus."""

    def __init__(self, address: BusAddress, name: str, log: Log, observer: Observer) -> None:
        self._address = address
        self._login = Login(address.credentials, address.tls, name)
        self._log = log
        self._observer = observer
        self._pool = ServerPool(address.servers, random.Random())  # noqa: S311 - spreads clients, guards nothing
        self._has_connected = False
        self._last: ServerAddress | None = None  # the server of the previous connection

    def informed(self, info: ServerInfo, through: ServerAddress) -> None:
        """Learn the servers that a server lists in its INFO."""
        new = self._pool.discover(info.connect_urls, through)
        if new:
            self._log.debug("servers of the bus discovered", servers=[str(server) for server in new])

    async def connect(self, closing: asyncio.Event) -> Wire | None:
        """A connection to any server; None if `closing` is set meanwhile.

        At the start, raises BusRefused if a server cannot be used with this config and no other one accepts us. Later,
        a wrong certificate or file may be temporary, and only rejected credentials are final: raises LoginRefused if
        all servers reject them.
        """
        throttle, pause = LogThrottle(_LOG_EVERY), _FIRST_PAUSE
        while not closing.is_set():
            failures: dict[ServerAddress, Exception] = {}
            connection = await self._try_each(self._pool.order(self._last), failures, closing)
            if connection is not None:
                return connection
            self._raise_refusal(failures)
            if failures and throttle.admit("waiting"):
                self._log.warning(
                    "waiting for the bus", hostname=self._address.hostname, reason=self._reasons(failures)
                )
            await wait_for(closing, pause * random.uniform(0.5, 1.5))  # noqa: S311 - as above
            pause = min(pause * 2, _LONGEST_PAUSE)
        return None

    async def connect_elsewhere(self, connection: Wire, closing: asyncio.Event) -> Wire | None:
        """Connect to another server than that of `connection`; None if no other one accepts us."""
        order = [server for server in self._pool.order() if server != connection.server]
        failures: dict[ServerAddress, Exception] = {}
        while order:
            found = await self._try_each(order, failures, closing)
            if found is None or found.info.server_id != connection.info.server_id:
                return found
            await found.close()  # the same server by another address
            order = order[order.index(found.server) + 1 :]
        return None

    async def _try_each(
        self, servers: list[ServerAddress], failures: dict[ServerAddress, Exception], closing: asyncio.Event
    ) -> Wire | None:
        """Connect to the first server that accepts us. Adds the errors of the others to `failures`."""
        for server in servers:
            if closing.is_set():
                return None
            try:
                connection = await self._open(server)
            except FAILURES as error:
                failures[server] = error
                continue
            self._connected(connection, failures)
            return connection
        return None

    def _connected(self, connection: Wire, failures: _Failures) -> None:
        for server, failure in failures.items():
            if isinstance(failure, BusRefused):
                reason = self._told(failure, server)
                self._log.warning("server of the bus not used", hostname=str(server), reason=reason)
        self._has_connected = True
        self._last = connection.server
        self.informed(connection.info, connection.server)

    async def _open(self, server: ServerAddress) -> Wire:
        """Connect to one server. Tries all addresses of its host. Raises `FAILURES`."""
        async with asyncio.timeout(_TIMEOUT):
            ips = await _addresses(server)
        for ip in ips[:-1]:
            with contextlib.suppress(OSError, TimeoutError):
                return await self._open_at(server, ip)
        return await self._open_at(server, ips[-1])

    async def _open_at(self, server: ServerAddress, ip: str) -> Wire:
        async with asyncio.timeout(_TIMEOUT):
            return await Wire.open(server, self._login, self._observer, ip)

    def _raise_refusal(self, failures: _Failures) -> None:
        """Raise BusRefused if retrying cannot help."""
        refused = {server: error for server, error in failures.items() if isinstance(error, BusRefused)}
        if self._has_connected and not (
            len(refused) == len(failures) and all(isinstance(error, LoginRefused) for error in refused.values())
        ):
            return
        for server, error in refused.items():
            raise type(error)(self._told(error, server)) from error

    def _reasons(self, failures: _Failures) -> str:
        """Why no server accepted us. With one server, only its reason."""
        reasons = {server: self._told(error, server) for server, error in failures.items()}
        if len(reasons) == 1:
            return next(iter(reasons.values()))
        return "; ".join(f"{server}: {reason}" for server, reason in reasons.items())

    def _told(self, error: Exception, server: ServerAddress) -> str:
        if isinstance(error, LoginRefused):
            return f"the bus at {server} refuses {self._address.credentials}"
        return str(error) or "no answer"


async def _addresses(server: ServerAddress) -> list[str]:
    """The IP addresses of a server's host, in random order. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    ips = list(dict.fromkeys(str(address[0]) for *_, address in found))
    random.shuffle(ips)
    return ips


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    """Wait until the event is set, or for `seconds`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
