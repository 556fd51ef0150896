"""Files for browsers, and whether the service is alive."""

from __future__ import annotations

from aiohttp import web

from services.gui.roles import Permission
from services.gui.web.route import Route
from services.gui.web.visit import Refused, Visit

_FOR_EVER = "public, max-age=31536000, immutable"
_SHORTLY = "public, max-age=3600"


async def static(visit: Visit) -> web.StreamResponse:
    """A file under the name with its hash, or under its plain name, as the original had it."""
    found = visit.deps.assets.find(visit.request.match_info["name"])
    if found is None:
        raise Refused(404, "file not found")
    asset, is_hashed = found
    headers = {"Cache-Control": _FOR_EVER if is_hashed else _SHORTLY, "Vary": "Accept-Encoding"}
    accepted = visit.request.headers.get("Accept-Encoding", "")
    for coding, data in asset.encoded:
        if coding in accepted:
            headers["Content-Encoding"] = coding
            return web.Response(body=data, content_type=asset.content_type, headers=headers)
    return web.Response(body=asset.data, content_type=asset.content_type, headers=headers)


async def healthz(visit: Visit) -> web.StreamResponse:
    """Whether the interface serves, and whether it has reached the bus."""
    return web.json_response({"status": "ok", "bus": visit.deps.bus.is_connected})


ROUTES = (
    Route("GET", "/static/{name}", Permission.PUBLIC, static, is_quiet=True),
    Route("GET", "/healthz", Permission.PUBLIC, healthz, is_quiet=True, is_api=True),
)
NAVIGATION = ()
