"""What the kernel knows of a socket: how much of what was sent is still here, and whether there is data to read."""

from __future__ import annotations

import contextlib
import fcntl
import select
import socket
import struct
import sys
import termios

_INTEGER = 4  # bytes


def unacknowledged(connected: socket.socket) -> int:
    """Bytes in the socket's send queue that the other side's kernel has not acknowledged (SIOCOUTQ of tcp(7)).

    Whoever has sent a response after it had the whole request has acknowledged all of it by then. 0 if it is not known.
    """
    try:
        return int.from_bytes(fcntl.ioctl(connected, termios.TIOCOUTQ, bytes(_INTEGER)), sys.byteorder)
    except (OSError, ValueError):
        return 0


def drop_unsent(connected: socket.socket) -> None:
    """Let closing the socket reset the connection (RST).

    Else the kernel keeps what was not acknowledged, megabytes of it, for as long as the other side does not read.
    """
    with contextlib.suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def is_readable(connected: socket.socket) -> bool:
    """Tell whether data, the end or an error wait to be read."""
    if connected.fileno() < 0:
        return False
    polled = select.poll()
    polled.register(connected, select.POLLIN)
    return bool(polled.poll(0))
