"""Passes calls below `/v1/` on to the gateway, for clients that have this port in their settings.

The gateway sees that they come from elsewhere (`X-Forwarded-For`): no such call counts as local.

Browsers take the answers of upstreams for pages of this origin, where people are signed in. So browsers get none of
them as a page, script or frame, and no answer sets anything for the origin.
"""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from gecholog.logs import Log
from services.gui import gateway
from services.gui.roles import Permission
from services.gui.web.route import Route
from services.gui.web.visit import Refused, Visit

log = Log("passing on")

# RFC 9110, section 7.6.1; and what is ours alone: a session must not reach the gateway, its records and providers.
_NOT_PASSED = frozenset(
    {
        "connection",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_FORWARDED = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"})
# What an answer would set for the whole origin.
_OF_ORIGIN = frozenset({"clear-site-data", "refresh", "service-worker-allowed", "set-cookie"})
_HARMLESS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
# https://www.w3.org/TR/fetch-metadata: browsers run or show as a page what they ask for with these.
_RUN = frozenset(
    {
        "audioworklet",
        "document",
        "embed",
        "frame",
        "iframe",
        "object",
        "paintworklet",
        "script",
        "serviceworker",
        "sharedworker",
        "style",
        "worker",
        "xslt",
    }
)
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5)
_CHUNK = 64 * 1024


async def pass_on(visit: Visit) -> web.StreamResponse:
    """Send the request to the gateway, and the response to the client, both as they arrive.

    Raises Refused for what a browser would show as a page or run.
    """
    request = visit.request
    if request.headers.get("Sec-Fetch-Mode") == "navigate" or request.headers.get("Sec-Fetch-Dest") in _RUN:
        raise Refused(403, "calls are for programs: a browser cannot open them as a page or run them as a script")
    file = visit.deps.config.applications["gl"].production_file
    target = await asyncio.to_thread(gateway.of_config, file, visit.deps.environ)
    client = await visit.deps.http_client()
    try:
        async with client.request(
            request.method,
            URL(f"{target.url}{request.raw_path}", encoded=True),
            headers=_headers(visit),
            data=request.content.iter_chunked(_CHUNK) if request.can_read_body else None,
            allow_redirects=False,
            timeout=_TIMEOUT,
            ssl=False,  # the gateway is on this machine; its certificate names another host
        ) as answer:
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=_answered(answer.headers))
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response
    except (aiohttp.ClientError, TimeoutError) as error:
        log.warning("gateway not reached", reason=str(error))
        message = {"error": {"message": "the gateway is not reached", "type": "gateway_error", "code": 502}}
        return web.json_response(message, status=502)


def _headers(visit: Visit) -> CIMultiDict[str]:
    headers = _passed(visit.request.headers)
    for name in _FORWARDED:
        headers.popall(name, None)
    headers["X-Forwarded-For"] = visit.client.address
    headers["X-Forwarded-Proto"] = "https" if visit.client.is_secure else "http"
    return headers


def _answered(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Headers of an answer, without those that would matter to the origin of this interface."""
    passed = _passed(headers)
    for name in _OF_ORIGIN:
        passed.popall(name, None)
    for name, value in _HARMLESS.items():
        passed[name] = value
    return passed


def _passed(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Headers that are passed on: not those of the connection, and not those that `Connection` names."""
    given: CIMultiDict[str] = CIMultiDict(headers)
    named = {name.strip().lower() for value in given.getall("Connection", ()) for name in value.split(",")}
    return CIMultiDict(
        (name, value) for name, value in given.items() if name.lower() not in _NOT_PASSED and name.lower() not in named
    )


ROUTES = (Route("*", "/v1/{path:.*}", Permission.PUBLIC, pass_on, is_api=True, is_form=False, is_passed_on=True),)
