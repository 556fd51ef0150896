"""Whether a client is on the gateway's own machine. Pure."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gecholog.headers import Headers

_FORWARDED = frozenset({"Forwarded", "X-Forwarded-For"})


def is_local(peer: str, headers: Headers) -> bool:
    """Tell whether a request comes from this machine, and not from a proxy that runs on it.

    `peer` is the address of the connection, `headers` are canonical.
    """
    if not _FORWARDED.isdisjoint(headers):
        return False
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
