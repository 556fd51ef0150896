"""The addresses of this machine by which other machines reach it."""

import socket

# Of documentation networks (RFC 5737, RFC 3849): nothing is sent there, the route alone tells the own address.
_ELSEWHERE = ((socket.AF_INET, "203.0.113.1"), (socket.AF_INET6, "2001:db8::1"))


def own_addresses() -> list[str]:
    """An IPv4 and an IPv6 address that are no loopback addresses, as far as there are routes to elsewhere."""
    found = []
    for family, address in _ELSEWHERE:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((address, 9))
            except OSError:
                continue
            found.append(probe.getsockname()[0])
    return [address for address in found if not address.startswith("127.") and address != "::1"]
