"""The metrics of the web interface itself, in Prometheus' text format."""

from __future__ import annotations

from aiohttp import web

from gecholog.metrics.exposition import CONTENT_TYPE, text_of
from services.gui.config import Config
from services.gui.roles import Permission
from services.gui.store import sessions
from services.gui.web.route import Route
from services.gui.web.visit import Visit


async def show(visit: Visit) -> web.StreamResponse:
    """All metrics. Prometheus sends a token of the management API, unless `metrics_public` is set."""
    deps = visit.deps
    alive = await deps.read(lambda connection: len(sessions.all_sessions(connection, deps.config.lifetime, visit.now)))
    found = deps.metrics.snapshot(alive, deps.live.watchers, is_connected=deps.bus.is_connected)
    return web.Response(body=text_of(found), headers={"Content-Type": CONTENT_TYPE})


def _is_open(config: Config) -> bool:
    return config.metrics_public


ROUTES = (Route("GET", "/metrics", Permission.VIEW, show, is_quiet=True, is_api=True, is_open=_is_open),)
NAVIGATION = ()
