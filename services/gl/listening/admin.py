"""The admin port: `/metrics`, `/healthz` and `/readyz`, for operators and not for clients.

It uses gl's own server, so there is no second HTTP stack. It never keeps gl from serving calls: if its port is taken,
gl warns and goes on without it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from gecholog.errors import GechologError
from gecholog.logs import Log
from services.gl.limits import Limits
from services.gl.replies.plain import respond
from services.gl.responses.response import JSON
from services.gl.server.listener import Listener, bind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from gecholog.headers import Headers
    from gecholog.metrics.snapshot import Snapshot
    from services.gl.config.config import AdminConfig
    from services.gl.server import Exchange

log = Log("admin")

_EXPOSITION = "gecholog.metrics.exposition"  # imported when it is needed: prometheus_client takes 70 ms
_LIMITS = Limits(request_body=0, connections=64, request_head_time=10, idle_time=60, inflight_body=1024 * 1024)
_TEXT: Headers = {"Content-Type": ["text/plain; charset=utf-8"]}
_JSON: Headers = {"Content-Type": [JSON]}
_OK, _NOT_FOUND, _NOT_ALLOWED, _UNAVAILABLE = 200, 404, 405, 503


@dataclass(frozen=True, slots=True)
class Health:
    """The state that `/healthz` and `/readyz` tell: one of `starting`, `ok` and `stopping`; and that of the bus."""

    status: str
    has_bus: bool

    @property
    def code(self) -> int:
        """The status of the response."""
        return _OK if self.status == "ok" else _UNAVAILABLE


class AdminListener:
    """Serves what `snapshot` and `health` return. One is in use at a time."""

    def __init__(self, snapshot: Callable[[], Awaitable[Snapshot]], health: Callable[[], Health]) -> None:
        self._snapshot = snapshot
        self._health = health
        self._config: AdminConfig | None = None
        self._listener: Listener | None = None

    async def use(self, config: AdminConfig | None) -> None:
        """Serve at this address from now on; None: nowhere. A port that cannot be used is a warning."""
        if config == self._config and (config is None or self._listener is not None):
            return
        await self.stop()
        self._config = config
        if config is None:
            return
        listener = Listener(self._handle, _LIMITS)
        try:
            bound = bind(config.host, config.port)
            try:
                listener.open(bound, None)
            finally:
                bound.close()  # the listener has a duplicate
        except GechologError as error:
            log.warning("admin port not available, no metrics are served", port=config.port, reason=str(error))
            return
        self._listener = listener

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._listener is not None:
            listener, self._listener = self._listener, None
            listener.retire()
            await listener.finished(0)

    # -------------------------------------------------------------- requests

    def _handle(self, exchange: Exchange) -> Coroutine[None, None, None]:
        if exchange.path not in ("/metrics", "/healthz", "/readyz"):
            return respond(exchange, _NOT_FOUND, _TEXT, b"not found: /metrics, /healthz and /readyz are here\n")
        if exchange.method not in ("GET", "HEAD"):
            return respond(exchange, _NOT_ALLOWED, _TEXT | {"Allow": ["GET, HEAD"]}, b"method not allowed\n")
        return self._metrics(exchange) if exchange.path == "/metrics" else self._tell_health(exchange)

    async def _tell_health(self, exchange: Exchange) -> None:
        health = self._health()
        bus = "connected" if health.has_bus else "away"
        more = f',"bus":"{bus}"' if exchange.path == "/readyz" else ""
        await respond(exchange, health.code, _JSON, f'{{"status":"{health.status}"{more}}}'.encode())

    async def _metrics(self, exchange: Exchange) -> None:
        try:
            content_type, text = await asyncio.to_thread(_rendered, await self._snapshot())
        except Exception as error:  # noqa: BLE001 - a border: a scrape must not end the connection without a word
            log.fault("metrics not served", error)
            await respond(exchange, 500, _TEXT, b"metrics are not available, see the log of gl\n")
            return
        await respond(exchange, _OK, {"Content-Type": [content_type]}, text)


def _rendered(snapshot: Snapshot) -> tuple[str, bytes]:
    """The content type and the text. Takes milliseconds for thousands of series: for a thread."""
    exposition = import_module(_EXPOSITION)
    return exposition.CONTENT_TYPE, exposition.text_of(snapshot)
