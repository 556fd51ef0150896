"""Calls over HTTP, for the sinks that speak it themselves: one session, and what a status means."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from gecholog import retry_after
from gecholog.tls import OutboundTls, outbound_context
from services.nats2log.sinks.sink import Fault, Kind

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

_SUCCESS_BELOW = 300
_SERVER_ERROR = 500
_FORBIDDEN = frozenset({401, 403})
_TIMED_OUT = 408
_TOO_MANY_REQUESTS = 429
_LONGEST_RETRY_AFTER = 900.0  # seconds; a typing error on the other side must not stop a sink for years
_MOST_OF_AN_ANSWER = 64 * 1024  # bytes that are read; nobody looks at them
# A connection that stays idle for longer is closed by us, before the other side closes it under a call.
_KEPT_ALIVE = 4.0  # seconds


class HttpCalls:
    """POSTs to one address. `forbidden` is what the statuses 401 and 403 mean there: a proxy in front of somebody's
    own API may well refuse the content with them, a known service speaks of the credentials.
    """

    def __init__(
        self,
        address: str,
        tls: OutboundTls,
        timeout_ms: int,
        connections: int,
        *,
        forbidden: Kind = Kind.REFUSAL,
    ) -> None:
        self._address = URL(address, encoded=True)
        self._tls = tls
        self._timeout = aiohttp.ClientTimeout(total=timeout_ms / 1000)
        self._connections = connections
        self._forbidden = forbidden
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Open the session, which needs the running loop. Raises OSError if a certificate file is not usable."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._connections,
                ssl=self._context(),
                keepalive_timeout=_KEPT_ALIVE,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            auto_decompress=False,
            # what is not configured is not sent: the original's calls have no Accept and no Content-Type of their own
            skip_auto_headers=("Accept", "Content-Type"),
        )

    def _context(self) -> ssl.SSLContext | bool:
        return outbound_context(self._tls) if self._address.scheme == "https" else True

    async def post(self, body: bytes, headers: Iterable[tuple[str, str]]) -> Fault | None:
        """Send `body`; returns what went wrong, None if nothing did."""
        if self._session is None:
            return Fault(Kind.OUTAGE, "sink not open")
        try:
            async with self._session.post(
                self._address, data=body, headers=CIMultiDict(headers), allow_redirects=False
            ) as response:
                await response.content.read(_MOST_OF_AN_ANSWER)
                return fault_of(response.status, response.headers.get("Retry-After", ""), self._forbidden)
        except TimeoutError:
            return Fault(Kind.OUTAGE, "request timed out")
        except (aiohttp.ClientError, OSError) as error:
            return Fault(Kind.OUTAGE, f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def fault_of(status: int, asked: str = "", forbidden: Kind = Kind.REFUSAL) -> Fault | None:
    """What an answer's status means; None = written. `asked` is the value of its `Retry-After` header."""
    if status < _SUCCESS_BELOW:
        return None
    kind = forbidden if status in _FORBIDDEN else kind_of(status)
    return Fault(kind, f"status {status}", retry_after=seconds_of(asked))


def kind_of(status: int) -> Kind:
    """Time mends 408, 429 and 5xx; the rest is an answer to what was sent. A 429 need not be about what comes next."""
    if status == _TOO_MANY_REQUESTS:
        return Kind.BUSY
    return Kind.OUTAGE if status == _TIMED_OUT or status >= _SERVER_ERROR else Kind.REFUSAL


def seconds_of(value: str, now: float | None = None) -> float:
    """Seconds that a `Retry-After` header asks for, within reason; 0 if it cannot be read."""
    seconds = retry_after.seconds(value, time.time() if now is None else now)
    return min(seconds or 0.0, _LONGEST_RETRY_AFTER)
