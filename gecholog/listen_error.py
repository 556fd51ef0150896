"""Why a server cannot listen on an address, in words that say what to do. Pure."""

from __future__ import annotations

import errno
import os
import socket

_EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - only said


def listen_error(host: str, port: int, error: OSError) -> str:
    """`port 5380 is taken: another program listens on it`, with the address if it is not every one.

    `host` is empty for every address of the machine; `error` is what bind(2), listen(2) or the resolver said.
    """
    address = "" if host in _EVERY_ADDRESS else f" of {host}"
    if error.errno == errno.EADDRINUSE:
        return f"port {port}{address} is taken: another program listens on it"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"cannot listen on {host}, port {port}: this machine does not have that address"
    return f"cannot listen on port {port}{address}: {_reason(error)}"


def _reason(error: OSError) -> str:
    """Event loops put the address and more into `strerror`; numbers of the resolver are not the system's."""
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)
