"""TCP keep-alive: probes on silent connections, so that NAT devices and firewalls do not forget them (RFC 9293, 3.8.4).

An LLM may take minutes before it sends the first byte of its response. Many network devices drop a connection after
about four silent minutes, without notice.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Protocol

IDLE = 60  # seconds of silence before the first probe
INTERVAL = 15  # seconds between probes
COUNT = 4  # probes without an answer after which the connection is lost

# Options by their names on each platform: macOS calls the first one TCP_KEEPALIVE.
_OPTIONS = (
    (("TCP_KEEPIDLE", "TCP_KEEPALIVE"), IDLE),
    (("TCP_KEEPINTVL",), INTERVAL),
    (("TCP_KEEPCNT",), COUNT),
)


class _Socket(Protocol):
    def setsockopt(self, level: int, option: int, value: int, /) -> None: ...


def enable(connection: _Socket) -> None:
    """Send keep-alive probes on a TCP socket. On Linux, sockets that a listening socket accepts inherit the options.

    Does nothing for a socket that is not TCP, and skips options that the platform does not have.
    """
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for names, value in _OPTIONS:
            option = next((getattr(socket, name) for name in names if hasattr(socket, name)), None)
            if option is not None:
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
