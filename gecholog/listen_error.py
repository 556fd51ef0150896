"""Explains why a server cannot listen on an address. Pure."""

from __future__ import annotations

import errno
import os
import socket

_EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - only said


def listen_error(host: str, port: int, error: OSError) -> str:
    """A sentence such as `port 5380 is taken: another program listens on it`.

    `host` is empty for all addresses of the machine; otherwise the sentence names it. `error` comes from bind(2),
    listen(2) or the resolver.
    """
    address = "" if host in _EVERY_ADDRESS else f" of {host}"
    if error.errno == errno.EADDRINUSE:
        return f"port {port}{address} is taken: another program listens on it"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"cannot listen on {host}, port {port}: this machine does not have that address"
    return f"cannot listen on port {port}{address}: {_reason(error)}"


def _reason(error: OSError) -> str:
    """The system's text for an error: event loops add the address to it, and resolvers have numbers of their own."""
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)
