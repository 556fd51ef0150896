"""Which IP addresses are public. Pure.

The lists are those of IANA's registries of special-purpose addresses (RFC 6890 and its successors). They are written
out here, because what Python calls global differs between its versions, and because some addresses are globally
reachable and lead elsewhere: 6to4, Teredo and NAT64 carry an IPv4 address inside.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address

_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this host (RFC 1122)
            "10.0.0.0/8",  # private (RFC 1918)
            "100.64.0.0/10",  # behind a provider's NAT (RFC 6598)
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # what Azure's virtual machines get their metadata and DNS from
            "169.254.0.0/16",  # link-local (RFC 3927), with the metadata services of most clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # IETF protocol assignments (RFC 6890), with a metadata service
            "192.0.2.0/24",  # documentation (RFC 5737)
            "192.31.196.0/24",  # AS112 (RFC 7535)
            "192.52.193.0/24",  # AMT (RFC 7450)
            "192.88.99.0/24",  # 6to4 relays (RFC 7526)
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112 (RFC 7534)
            "198.18.0.0/15",  # benchmarks (RFC 2544)
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
# Global unicast. Outside of it are loopback, unspecified, IPv4-mapped and -compatible, NAT64 (64:ff9b::/96,
# 64:ff9b:1::/48), unique local, link-local, site-local and multicast addresses, and what is not assigned.
_UNICAST_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # IETF protocol assignments (RFC 2928): Teredo, benchmarks, ORCHID and others
            "2001:db8::/32",  # documentation (RFC 3849)
            "2002::/16",  # 6to4 (RFC 3056)
            "2620:4f:8000::/48",  # AS112 (RFC 7534)
            "3ffe::/16",  # the former 6bone (RFC 3701)
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)


def is_public(text: str) -> bool:
    """Tell whether `text` is a public IP address. Anything that is no address, or has a zone (`%eth0`), is not."""
    if "%" in text:
        return False
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if not address.is_global:
        return False
    if address.version == 4:  # noqa: PLR2004 - IPv4
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _UNICAST_6 and not any(address in network for network in _NOT_PUBLIC_6)
