"""An HTTP client for sinks, and the fault that a status stands for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from gecholog import retry_after
from gecholog.tls import OutboundTls, outbound_context
from services.nats2log.sinks.sink import Fault, FaultKind

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

_SUCCESS_BELOW = 300
_SERVER_ERROR = 500
_FORBIDDEN = frozenset({401, 403})
_TIMED_OUT = 408
_TOO_MANY_REQUESTS = 429
_MAX_RETRY_AFTER_S = 900.0  # a mistake of the server must not stop a sink for years
_MAX_RESPONSE_BYTES = 64 * 1024  # of its body, which says little
# Idle connections are closed after this time, before the server closes one during a request.
_KEEP_ALIVE_S = 4.0


class HttpAnswer(NamedTuple):
    """A response: its status, the value of `Retry-After`, and the beginning of its body."""

    status: int
    retry_after: str
    body: bytes


class HttpClient:
    """Sends POST requests to one address.

    `forbidden` is the meaning of 401 and 403: a known service rejects the credentials with them, but a proxy in front
    of some other API may reject the content.
    """

    def __init__(
        self,
        address: str,
        tls: OutboundTls,
        timeout_ms: int,
        connections: int,
        *,
        forbidden: FaultKind = FaultKind.REJECTED,
    ) -> None:
        self._address = URL(address, encoded=True)
        self._tls = tls
        self._timeout = aiohttp.ClientTimeout(total=timeout_ms / 1000)
        self._connections = connections
        self._forbidden = forbidden
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Open the session in the running event loop. Raises OSError if a certificate file cannot be used."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._connections,
                ssl=self._context(),
                keepalive_timeout=_KEEP_ALIVE_S,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            auto_decompress=False,
            # Send only configured headers, as the original does.
            skip_auto_headers=("Accept", "Content-Type"),
        )

    def _context(self) -> ssl.SSLContext | bool:
        return outbound_context(self._tls) if self._address.scheme == "https" else True

    async def post(self, body: bytes, headers: Iterable[tuple[str, str]]) -> Fault | None:
        """Send `body`. Return a fault, or None if it was accepted."""
        answer = await self.ask(body, headers)
        if isinstance(answer, Fault):
            return answer
        return fault_from_status(answer.status, answer.retry_after, self._forbidden)

    async def ask(self, body: bytes, headers: Iterable[tuple[str, str]]) -> HttpAnswer | Fault:
        """Send `body`. Return the response, whatever its status, or a fault if there is none."""
        if self._session is None:
            return Fault(FaultKind.OUTAGE, "sink not open")
        try:
            async with self._session.post(
                self._address, data=body, headers=CIMultiDict(headers), allow_redirects=False
            ) as response:
                beginning = await response.content.read(_MAX_RESPONSE_BYTES)
                return HttpAnswer(response.status, response.headers.get("Retry-After", ""), beginning)
        except TimeoutError:
            return Fault(FaultKind.OUTAGE, "request timed out")
        except (aiohttp.ClientError, OSError) as error:
            return Fault(FaultKind.OUTAGE, f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def fault_from_status(status: int, asked: str = "", forbidden: FaultKind = FaultKind.REJECTED) -> Fault | None:
    """Return the fault that a status stands for, or None for success. `asked` is the value of `Retry-After`."""
    if status < _SUCCESS_BELOW:
        return None
    kind = forbidden if status in _FORBIDDEN else fault_kind_of(status)
    return Fault(kind, f"status {status}", retry_after=seconds_of(asked))


def fault_kind_of(status: int) -> FaultKind:
    """Classify a status: 408 and 5xx are outages, 429 is busy, and anything else rejects the record."""
    if status == _TOO_MANY_REQUESTS:
        return FaultKind.BUSY
    return FaultKind.OUTAGE if status == _TIMED_OUT or status >= _SERVER_ERROR else FaultKind.REJECTED


def seconds_of(value: str, now: float | None = None) -> float:
    """Return the seconds of a `Retry-After` header, up to a maximum. 0 if it is invalid."""
    seconds = retry_after.seconds(value, time.time() if now is None else now)
    return min(seconds or 0.0, _MAX_RETRY_AFTER_S)
