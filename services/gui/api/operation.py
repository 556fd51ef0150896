"""Operations: routes of the management API with the types of what they take and give."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from services.gui.roles import Permission
from services.gui.web.route import Route
from services.gui.web.visit import Refused, Visit

PREFIX = "/api"
_LARGEST_BODY = 256 * 1024

Work = Callable[[Visit, Any], Awaitable[Any]]
"""Takes the visit and the decoded body (None without one), and returns a value of the operation's type."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation. `path` is below `/api`; `query` names its query parameters, each with a description."""

    method: str
    path: str
    permission: Permission
    summary: str
    work: Work
    gives: Any
    takes: type | None = None
    status: int = 200
    query: tuple[tuple[str, str], ...] = ()

    def route(self) -> Route:
        """The route that serves it."""
        return Route(self.method, PREFIX + self.path, self.permission, self._handle, is_api=True, is_form=False)

    async def _handle(self, visit: Visit) -> web.StreamResponse:
        body = await _body(visit, self.takes) if self.takes is not None else None
        result = await self.work(visit, body)
        if self.gives is None:
            return web.Response(status=self.status)
        return web.Response(body=msgspec.json.encode(result), status=self.status, content_type="application/json")


async def _body(visit: Visit, kind: type) -> Any:
    """The body as JSON of a type. Raises Refused."""
    if visit.request.content_type != "application/json":
        raise Refused(415, "the body must be JSON: Content-Type: application/json")
    data = bytearray()
    async for chunk in visit.request.content.iter_chunked(64 * 1024):
        data += chunk
        if len(data) > _LARGEST_BODY:
            raise Refused(413, f"the body may have {_LARGEST_BODY} bytes")
    try:
        return msgspec.json.decode(bytes(data), type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refused(400, f"the body is invalid: {error}") from error
