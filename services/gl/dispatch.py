"""Routes a request: to the pipeline, or to a response of gl that leaves no record."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from gecholog import headers
from gecholog.shorten import shorten
from services.gl import pipeline
from services.gl.access import client_credentials
from services.gl.call import Call
from services.gl.errors import ErrorDetail, Refusal, format_for, reply_to
from services.gl.replies.plain import respond
from services.gl.responses.response import JSON
from services.gl.routing import cors
from services.gl.routing.routers import has_dot_segment

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from services.gl.config import Config
    from services.gl.errors import ErrorReply
    from services.gl.generation import Generation
    from services.gl.routing.routers import Router, Table
    from services.gl.server import Exchange

_NO_CONTENT = HTTPStatus.NO_CONTENT.value
_LONGEST_PATH = 200  # characters of a path in an error
_HEALTH = "/healthz"
_JSON: headers.Headers = {"Content-Type": [JSON]}


def dispatch(exchange: Exchange, generation: Generation, *, is_stopping: bool) -> Coroutine[None, None, None]:
    """Return the coroutine that handles a request."""
    config = generation.config
    if exchange.path == _HEALTH and _is_health_check(exchange.method, config.routers):
        return _health(exchange, is_stopping=is_stopping)
    try:
        router = route(config.routers, exchange.path)
    except Refusal as refusal:
        reply = reply_to(refusal, format_for(config.errors, exchange.path, exchange.headers))
        generation.deps.observe_unrecorded(exchange.path, reply.status)
        generation.deps.metrics.refused(exchange.method, reply.status)
        return respond(exchange, reply.status, _JSON | reply.headers, reply.body)
    if router.cors is not None and cors.is_preflight(exchange.method, exchange.headers):
        return respond(exchange, _NO_CONTENT, cors.preflight(router.cors, exchange.headers))
    ids = generation.sessions.ids(headers.first(exchange.headers, config.session_header))
    return pipeline.run(Call(config, exchange, exchange, router, ids), generation.deps, generation.plans[router.path])


def reply_to_unreadable(refusal: Refusal, path: str, received: headers.Headers, config: Config) -> ErrorReply:
    """The response to a request that cannot be parsed, in the error format of its router or of the config.

    `path` and the headers `received` are what has arrived of the request.
    """
    router = config.routers.match(path)
    chosen = (router and router.errors) or config.errors
    return reply_to(refusal, format_for(chosen, path, received))


def route(table: Table, path: str) -> Router:
    """The router of a path. Raises Refusal: 400 for a path that is not normalized, 404 if no router matches."""
    if has_dot_segment(path):
        raise Refusal(400, "path with . or .. segments")
    if table.lacks_slash(path):  # even if another router would match it: the response must not depend on that
        raise Refusal(400, "path without its last slash")
    router = table.match(path)
    if router is None:
        raise Refusal(404, "no router for this path", detail=_why_no_router(table, path))
    return router


def _why_no_router(table: Table, path: str) -> ErrorDetail:
    if (found := table.left_out(path)) is not None:
        configured, reason = found
        return ErrorDetail(503, f"router {configured} is configured but left out: {reason}", "router_left_out")
    shown = shorten(client_credentials.masked_path(path), _LONGEST_PATH)
    return ErrorDetail(404, f"no router for {shown}: a path begins with the path of a configured router", "no_router")


def _is_health_check(method: str, routers: Table) -> bool:
    """Whether a request for `/healthz` is a health check, not a call of a router with this path."""
    return method in ("GET", "HEAD") and routers.get(_HEALTH + "/") is None


def _health(exchange: Exchange, *, is_stopping: bool) -> Coroutine[None, None, None]:
    if is_stopping:
        return respond(exchange, 503, _JSON, b'{"status":"stopping"}')
    return respond(exchange, 200, _JSON, b'{"status":"ok"}')
