"""The response of an echo: the request that would have been sent, without anything that is unsafe in a response. Pure.

A foreign web page can make a browser send any request to an echo. The response must not act on that browser: it must
not be a page of the gateway's origin (HTML, SVG), set a cookie, or redirect. So an echo returns only headers that have
no meaning in responses. The record shows all headers in `outbound_headers`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gecholog.headers import MASK
from gecholog.media_type import media_type
from services.gl.responses.response import LocalResponse

if TYPE_CHECKING:
    from collections.abc import Container
    from collections.abc import Set as AbstractSet

    from gecholog.headers import Headers
    from services.gl.http import UpstreamRequest

_CONTENT_TYPE = "Content-Type"
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_BYTES = "application/octet-stream"
# A value with one media type that browsers show as plain text. More text, such as a second type after a comma, could
# change its meaning (https://fetch.spec.whatwg.org/#concept-header-extract-mime-type).
_INERT = re.compile(
    r"(application/json|text/plain)(\s*;\s*charset=[a-z0-9_-]+)?|application/octet-stream", re.IGNORECASE
)
_MEDIA_TYPE = re.compile(r"([a-z]+)/([a-z0-9!#$&^_.+-]+)")

# Request headers, which have no meaning in a response (RFC 9110, and those of LLM APIs), and headers that describe the
# body.
_OF_REQUESTS = frozenset(
    {
        "Accept",
        "Accept-Charset",
        "Accept-Encoding",
        "Accept-Language",
        "Api-Key",
        "Authorization",
        "Baggage",
        "Content-Encoding",
        "Content-Language",
        "Content-Length",
        "Cookie",
        "Forwarded",
        "From",
        "Http-Referer",
        "Idempotency-Key",
        "If-Match",
        "If-Modified-Since",
        "If-None-Match",
        "Max-Forwards",
        "Ocp-Apim-Subscription-Key",
        "Origin",
        "Prefer",
        "Range",
        "Referer",
        "Traceparent",
        "Tracestate",
        "User-Agent",
        "Via",
    }
)
_FAMILIES = ("Anthropic-", "Openai-", "Sec-Ch-", "Sec-Fetch-", "X-")
# The X- headers that browsers, or web servers in front of the gateway, act on in a response.
_OBEYED = (
    "X-Accel-",
    "X-Content-",
    "X-Dns-",
    "X-Download-",
    "X-Frame-",
    "X-Lighttpd-",
    "X-Litespeed-",
    "X-Permitted-",
    "X-Reproxy-",
    "X-Robots-",
    "X-Sendfile",
    "X-Sourcemap",
    "X-Ua-",
    "X-Webkit-",
    "X-Xss-",
)


def response(request: UpstreamRequest, masked: AbstractSet[str]) -> LocalResponse:
    """The request that would have been sent, without the keys that the config adds."""
    static = request.router.target.headers
    keys = static.keys() & masked & request.headers.keys()
    shown = headers_of(request.headers | {key: [MASK] for key in keys}, static)
    return LocalResponse(200, request.body, shown, content_type=None)


def headers_of(sent: Headers, static: Container[str]) -> Headers:
    """The headers of an echo of a request with the headers `sent`, whose names are canonical.

    Headers in `static` come from the config, not from the request, so all of them are returned. A body that is not JSON
    becomes text or bytes whatever its Content-Type is, and browsers must not guess (WHATWG Fetch, "nosniff").
    """
    kept = {name: values for name, values in sent.items() if name in static or _is_harmless(name)}
    kept[_CONTENT_TYPE] = [kind := _content_type(sent.get(_CONTENT_TYPE, []))]
    if not kind.lower().startswith(_JSON):
        kept["X-Content-Type-Options"] = ["nosniff"]
    return kept


def _is_harmless(name: str) -> bool:
    return name in _OF_REQUESTS or (name.startswith(_FAMILIES) and not name.startswith(_OBEYED))


def _content_type(values: list[str]) -> str:
    if len(values) == 1 and _INERT.fullmatch(values[0]):
        return values[0]
    if not values:
        return _TEXT
    match = _MEDIA_TYPE.fullmatch(media_type(values[0]))
    if match is None:
        return _BYTES
    kind, subtype = match.groups()
    if kind == "application" and (subtype == "json" or subtype.endswith("+json")):
        return _JSON
    is_text = kind == "text" or (kind, subtype) == ("application", "x-www-form-urlencoded")
    return _TEXT if is_text else _BYTES
