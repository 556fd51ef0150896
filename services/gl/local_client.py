"""Whether a request was made by a program on the gateway's own machine. Pure."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from gecholog.headers import Headers

# What proxies add on behalf of clients that are elsewhere (RFC 7239; RFC 9110, section 7.6.3; and common practice).
_FORWARDED = frozenset({"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"})
_LOCALHOST = "localhost"


def is_local(peer: str, headers: Headers, origins: AbstractSet[str] = frozenset()) -> bool:
    """Tell whether a request comes from this machine, and neither from a proxy nor from a web page of somebody else.

    `peer` is the address of the connection, `headers` are canonical. A browser sends the requests of any page, and says
    whose page it is in `Origin` (with every POST): that has to be on this machine as well, or one of `origins`.
    """
    if not _FORWARDED.isdisjoint(headers):
        return False
    return _is_loopback(peer) and all(page in origins or _is_local_url(page) for page in headers.get("Origin", ()))


def _is_local_url(url: str) -> bool:
    """Tell whether a URL names this machine, by address or as `localhost` (RFC 6761, section 6.3)."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    name = host.removesuffix(".")
    return name == _LOCALHOST or name.endswith(f".{_LOCALHOST}") or _is_loopback(host)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
