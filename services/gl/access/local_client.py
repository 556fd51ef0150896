"""Detects requests of programs on the gateway's own machine. Pure."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from gecholog.headers import Headers
    from services.gl.http import Request
    from services.gl.routing.routers import Router

# Headers that proxies add (RFC 7239; RFC 9110, section 7.6.3; RFC 8586; and common practice, also of CDNs and of
# proxies that sign users in): the client is elsewhere.
_FORWARDED = frozenset(
    (
        *("Forwarded", "Via", "Cdn-Loop", "Forwarded-For", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-By"),
        *("X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Ssl"),
        *("X-Forwarded-Server", "X-Forwarded-Prefix", "X-Forwarded-Uri", "X-Forwarded-Client-Cert"),
        *("X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Access-Token"),
        *("X-Original-Forwarded-For", "X-Original-Host", "X-Original-Url", "X-Original-Uri"),
        *("X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Envoy-External-Address", "True-Client-Ip"),
        *("Cf-Connecting-Ip", "Fastly-Client-Ip", "Fly-Client-Ip", "X-Azure-Clientip", "X-Appengine-User-Ip"),
        *("Tailscale-User-Login", "Cf-Access-Jwt-Assertion", "X-Goog-Iap-Jwt-Assertion", "X-Amzn-Oidc-Data"),
    )
)
_LOCALHOST = "localhost"
_LONGEST_HOST = 261  # characters of a DNS name and a port: clients must not fill the memory through a cache
_CROSS_SITE = "cross-site"


def is_local_call(router: Router, request: Request) -> bool:
    """Tell whether a request of a router is local. The router may let web pages from elsewhere call it."""
    return is_local(request.client, request.headers, frozenset() if router.cors is None else router.cors.origins)


def is_local(peer: str, headers: Headers, origins: AbstractSet[str] = frozenset()) -> bool:
    """Tell whether a request comes from this machine, and neither from a proxy nor from a web page of someone else.

    `peer` is the address of the connection, `headers` are canonical. A browser sends the requests of any page. It says
    whose page it is in `Origin`, at least with every POST: that has to be on this machine as well, or one of `origins`.
    Without `Origin` two headers tell: `Sec-Fetch-Site`, and `Host`, which names a page's own host if its DNS name was
    made to point at this machine (DNS rebinding).
    """
    if not _FORWARDED.isdisjoint(headers) or not _is_loopback(peer):
        return False
    for host in headers.get("Host", ()):
        if len(host) > _LONGEST_HOST or not _names_this_machine(host):
            return False
    pages = headers.get("Origin", ())
    if not pages:
        return _CROSS_SITE not in headers.get("Sec-Fetch-Site", ())
    return all(page in origins or _is_local_url(page) for page in pages)


@lru_cache(maxsize=256)
def _names_this_machine(authority: str) -> bool:
    """Tell whether a `Host` can be this machine only: nobody can register a name without a dot."""
    host = _host(f"//{authority}")
    is_single_label = bool(host) and "." not in host.removesuffix(".") and ":" not in host
    return is_single_label or _is_local_host(host)


def _is_local_url(url: str) -> bool:
    return _is_local_host(_host(url))


def _is_local_host(host: str) -> bool:
    """Tell whether a host is this machine, by address or as `localhost` (RFC 6761, section 6.3)."""
    name = host.removesuffix(".")
    is_name = name == _LOCALHOST or name.endswith(f".{_LOCALHOST}")
    return is_name or (len(host) <= _LONGEST_HOST and _is_loopback(host))


def _host(url: str) -> str:
    """The host of a URL in lower case; empty if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


@lru_cache(maxsize=1024)
def _is_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
