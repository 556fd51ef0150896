"""CORS: which web pages may call a router from a browser, and the response headers for that. Pure.

The protocol: https://fetch.spec.whatwg.org/#http-cors-protocol. Credentials such as cookies are never allowed: a page
sends its key in a header that it sets itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gecholog.headers import first, is_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gecholog.headers import Headers

ANY = "*"
_PREFIX = "Access-Control-"
_ORIGIN = "Origin"
_METHOD = "Access-Control-Request-Method"
_HEADERS = "Access-Control-Request-Headers"


@dataclass(frozen=True, slots=True)
class Cors:
    """The CORS rules of a router. `*` in a list matches anything; `max_age` is in seconds."""

    origins: frozenset[str]
    methods: tuple[str, ...] = (ANY,)
    headers: tuple[str, ...] = (ANY,)
    exposed: tuple[str, ...] = ()
    max_age: int | None = None

    @classmethod
    def of(cls, values: dict[str, Any]) -> Cors:
        """Read a router's `ingress.cors`."""
        return cls(
            origins=frozenset(values["allow_origins"]),
            methods=tuple(values.get("allow_methods", (ANY,))),
            headers=tuple(values.get("allow_headers", (ANY,))),
            exposed=tuple(values.get("expose_headers", ())),
            max_age=values.get("max_age_seconds"),
        )


def is_preflight(method: str, received: Mapping[str, list[str]]) -> bool:
    """Tell whether a request is a preflight: a browser asks whether it may send the actual request."""
    return method == "OPTIONS" and _ORIGIN in received and _METHOD in received


def preflight(cors: Cors, received: Mapping[str, list[str]]) -> Headers:
    """The response headers of a preflight. They allow nothing if its origin is not allowed."""
    response = _origin(cors, received)
    if f"{_PREFIX}Allow-Origin" not in response:
        return response
    allowed = {
        "Allow-Methods": _allowed(cors.methods, first(received, _METHOD)),
        # `*` would not include Authorization (Fetch, "CORS-preflight fetch"): list the requested headers by name
        "Allow-Headers": _allowed(cors.headers, ",".join(received.get(_HEADERS, ()))),
        "Max-Age": "" if cors.max_age is None else str(cors.max_age),
    }
    response |= {_PREFIX + name: [value] for name, value in allowed.items() if value}
    return _varying(response, (_METHOD, _HEADERS))


def with_cors_headers(cors: Cors, received: Mapping[str, list[str]], headers: Headers) -> Headers:
    """Response headers with gl's CORS headers in place of the upstream's."""
    own = _origin(cors, received)
    if f"{_PREFIX}Allow-Origin" in own and cors.exposed:
        own[f"{_PREFIX}Expose-Headers"] = [", ".join(cors.exposed)]
    vary = own.pop("Vary", ())
    kept = {name: values for name, values in headers.items() if not name.startswith(_PREFIX)}
    return _varying(kept | own, tuple(vary))


def _origin(cors: Cors, received: Mapping[str, list[str]]) -> Headers:
    """The header that allows the origin. If it depends on the request, `Vary` tells caches so, for all requests."""
    if ANY in cors.origins:
        return {f"{_PREFIX}Allow-Origin": [ANY]}
    origins = received.get(_ORIGIN, [])
    allowed: Headers = {f"{_PREFIX}Allow-Origin": origins} if len(origins) == 1 and origins[0] in cors.origins else {}
    return allowed | {"Vary": [_ORIGIN]}


def _allowed(listed: tuple[str, ...], asked: str) -> str:
    """The allowed names: those of the config, or if it has `*`, the requested ones."""
    if ANY not in listed:
        return ", ".join(listed)
    return ", ".join(name for part in asked.split(",") if is_name(name := part.strip()))


def _varying(headers: Headers, names: tuple[str, ...]) -> Headers:
    """Add names to the `Vary` of headers (RFC 9110, section 12.5.5)."""
    there = headers.get("Vary", [])
    known = {part.strip().lower() for value in there for part in value.split(",")}
    more = [name for name in names if name.lower() not in known]
    return headers | {"Vary": [*there, ", ".join(more)]} if more and ANY not in known else headers
