"""Sends gl's own requests to providers, and parses the JSON responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote_plus

from gecholog import lenient
from gecholog.errors import NotJson
from services.gl.errors import UpstreamError
from services.gl.http import UpstreamRequest
from services.gl.models.address import headers, usual_headers

if TYPE_CHECKING:
    from services.gl.http import Upstream
    from services.gl.models.address import Address
    from services.gl.models.provider import Provider
    from services.gl.routing.routers import Router

_FIRST_ERROR = 400  # status


class ProviderRequest(NamedTuple):
    """A GET, or with a `body` a POST. `router` is one that goes to the provider, `largest` in bytes."""

    router: Router
    provider: Provider
    where: Address
    body: bytes = b""
    largest: int = 256 * 1024


async def ask(upstream: Upstream, request: ProviderRequest) -> Any:
    """The decoded answer; None if it is no JSON, or a larger one. Raises UpstreamError, also for a status from 400."""
    response = await upstream.send(_request(request))
    data = bytearray()
    try:
        while len(data) <= request.largest and (piece := await response.read()):
            data += piece
    finally:
        response.abandon()
    if response.status >= _FIRST_ERROR:
        raise UpstreamError(response.status, f"status {response.status}")
    try:
        return lenient.loads(bytes(data)) if len(data) <= request.largest else None
    except NotJson:
        return None


def _request(request: ProviderRequest) -> UpstreamRequest:
    router, provider, where, body, _ = request
    kind = {"Content-Type": ["application/json"]} if body else {}
    own = {"Accept": ["application/json"]} | kind | usual_headers(provider) | headers(provider)
    query = "&".join(f"{name}={quote_plus(value)}" for name, value in where.query)
    path = router.target.base_path.removesuffix("/") + where.path
    return UpstreamRequest("POST" if body else "GET", router, path, query, own | router.target.headers, body)
