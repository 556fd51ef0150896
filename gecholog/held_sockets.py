"""Listening sockets that the service manager holds, so that no connection is refused between two versions.

systemd opens them (a unit `gecholog.socket`) and passes them to the appliance as descriptors from 3 on
(sd_listen_fds(3)). The launcher moves them to where supervisord does not close them (`adopt`), and a service that is
going to listen on an address looks there first (`find`). While no process accepts, the kernel queues connections.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
from typing import TYPE_CHECKING

from gecholog import keepalive

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping

VARIABLE = "GECHOLOG_SOCKETS"
"""Descriptors of the sockets, separated by spaces. All processes of the appliance inherit them."""

_FIRST = 3  # SD_LISTEN_FDS_START
_SYSTEMD = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


def received(environ: Mapping[str, str], pid: int) -> range:
    """The descriptors that systemd has passed to the process `pid`; empty if there are none."""
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(pid) or not count.isdecimal():
        return range(0)
    return range(_FIRST, _FIRST + int(count))


def adopt(environ: MutableMapping[str, str], pid: int, lowest: int) -> None:
    """Move the descriptors that systemd has passed to `lowest` and above, where child processes inherit them.

    Sets `VARIABLE`, also to nothing: a value of an earlier process means nothing here. Raises OSError.
    """
    moved = [_moved(descriptor, lowest) for descriptor in received(environ, pid)]
    for name in _SYSTEMD:
        environ.pop(name, None)
    environ[VARIABLE] = " ".join(map(str, moved))


def are_held(environ: Mapping[str, str] | None = None) -> bool:
    """Whether connections are queued for the next process when this one ends."""
    return bool(_named(os.environ if environ is None else environ))


def ports(descriptors: Iterable[int]) -> frozenset[int]:
    """The TCP ports of those descriptors that are listening sockets."""
    return frozenset(address[1] for one in descriptors if (address := _address(one)) is not None)


def find(host: str, port: int, environ: Mapping[str, str] | None = None) -> socket.socket | None:
    """A new descriptor of the held socket for this address, or None. An empty host means all addresses.

    A held socket for all addresses serves only a config for all addresses: a config for one address is a promise.
    """
    for descriptor in _named(os.environ if environ is None else environ):
        address = _address(descriptor)
        if address is not None and address[1] == port and _is_same(host, address[0]):
            found = socket.socket(fileno=os.dup(descriptor))
            keepalive.enable(found)
            return found
    return None


def _moved(descriptor: int, lowest: int) -> int:
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD, lowest)
    os.close(descriptor)
    return moved


def _named(environ: Mapping[str, str]) -> list[int]:
    return [int(word) for word in environ.get(VARIABLE, "").split() if word.isdecimal()]


def _address(descriptor: int) -> tuple[str, int] | None:
    """Where a descriptor listens. None if it does not listen, for example because this process has not inherited it."""
    try:
        copy = socket.socket(fileno=os.dup(descriptor))
    except OSError:
        return None
    with copy:
        try:
            is_listening = copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if not is_listening or copy.family not in {socket.AF_INET, socket.AF_INET6}:
                return None
            host, port = copy.getsockname()[:2]
        except OSError:
            return None
    return str(host), int(port)


def _is_same(wanted: str, held: str) -> bool:
    try:
        is_all = not wanted or ipaddress.ip_address(wanted).is_unspecified
        found = ipaddress.ip_address(held)
    except ValueError:  # a name
        return False
    return found.is_unspecified if is_all else found == ipaddress.ip_address(wanted)
