"""TCP keep-alive: probes on silent connections, so that NAT devices and firewalls do not forget them (RFC 9293, 3.8.4).

An LLM may think for minutes before the first byte of its response. Many devices on the way drop a connection that is
silent for about four minutes, and tell nobody.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Protocol

IDLE = 60  # seconds of silence before the first probe
INTERVAL = 15  # seconds between probes
COUNT = 4  # probes without an answer after which the connection is lost

# The options by the names of the platform; macOS calls the first one TCP_KEEPALIVE.
_OPTIONS = (
    (("TCP_KEEPIDLE", "TCP_KEEPALIVE"), IDLE),
    (("TCP_KEEPINTVL",), INTERVAL),
    (("TCP_KEEPCNT",), COUNT),
)


class _Socket(Protocol):
    def setsockopt(self, level: int, option: int, value: int, /) -> None: ...


def enable(connection: _Socket) -> None:
    """Send keep-alive probes on a TCP socket; of a listening socket, on those that it accepts (Linux inherits them).

    A socket that is not TCP, or a platform without an option, keeps what it has.
    """
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for names, value in _OPTIONS:
            option = next((getattr(socket, name) for name in names if hasattr(socket, name)), None)
            if option is not None:
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
