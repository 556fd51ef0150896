"""Ports for tests."""

import itertools
import re
import socket
from collections.abc import Iterator, Mapping
from functools import cache

# Below what Linux hands out by itself (net.ipv4.ip_local_port_range, from 32768): a port from there may become the
# near end of someone's connection between two starts of a server, or before the first.
_BLOCK = 500
_BLOCKS = range(10_000, 32_500, _BLOCK)


def free_port() -> int:
    """A port that nobody listens on. No other process of the tests gets it, and this one only after all of its block.

    Raises OSError if there is none.
    """
    for port in itertools.islice(_ports(), _BLOCK):
        if _is_free(port):
            return port
    raise OSError("someone listens on every port of this process")


def with_ports(text: str, ports: Mapping[str, int | str]) -> str:
    """A config's text with other ports. All at once: a new one may contain another's old one (15380 and 5380)."""
    return re.sub("|".join(map(re.escape, ports)), lambda found: str(ports[found[0]]), text)


@cache
def _ports() -> Iterator[int]:
    """The ports of this process: of a block that no other has, over and over."""
    for start in _BLOCKS:
        # A name without a file, which the kernel gives to one process at a time and takes back at its end (unix(7)).
        mine = socket.socket(socket.AF_UNIX)
        try:
            mine.bind(f"\0ports of gecholog's tests from {start}")
        except OSError:
            mine.close()
            continue
        mine.detach()  # it stays open until the end
        return itertools.cycle(range(start, start + _BLOCK))
    raise OSError("other processes of tests have all ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: connections of the past are fine
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
