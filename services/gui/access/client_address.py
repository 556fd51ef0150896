"""Who a visitor is, as far as the network tells: the address, and whether the connection is encrypted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from multidict import MultiMapping

Network = IPv4Network | IPv6Network
_IPV6_SITE = 64  # bits; one visitor has all addresses of such a network
_OWNED = {4: 24, 6: 48}  # bits; who has one address of such a network often has the others


@dataclass(frozen=True, slots=True)
class Client:
    """The address of a visitor, and whether the visitor's connection is encrypted."""

    address: str
    is_secure: bool

    @property
    def origin_network(self) -> str:
        """What attempts to sign in are counted by: the address, or the network of 64 bits of an IPv6 address."""
        parsed = _parsed(self.address)
        if isinstance(parsed, IPv6Address):
            return str(IPv6Network((parsed, _IPV6_SITE), strict=False))
        return self.address

    @property
    def neighbourhood(self) -> str:
        """The network that shares its turns with the address when many sign in at the same time."""
        parsed = _parsed(self.address)
        return self.address if parsed is None else str(ip_network((parsed, _OWNED[parsed.version]), strict=False))


def client_of(peer: str, headers: MultiMapping[str], trusted: Sequence[Network], *, is_tls: bool) -> Client:
    """The visitor of a connection from `peer`. Headers of proxies count only if `trusted` has the proxy.

    Several headers of a name are one list (RFC 9110, section 5.3), to whose end each proxy adds.
    """
    if not _is_trusted(peer, trusted):
        return Client(peer, is_tls)
    hops = _listed(headers, "X-Forwarded-For")
    address = peer
    for hop in reversed(hops):
        if _parsed(hop) is None:
            break
        address = hop
        if not _is_trusted(hop, trusted):
            break
    return Client(address, is_tls or [one.lower() for one in _listed(headers, "X-Forwarded-Proto")[-1:]] == ["https"])


def _listed(headers: MultiMapping[str], name: str) -> list[str]:
    parts = ",".join(headers.getall(name, ())).split(",")
    return [part.strip() for part in parts if part.strip()]


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
