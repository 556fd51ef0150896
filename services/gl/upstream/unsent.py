"""The kernel's state of a socket: how much sent data is unacknowledged, and whether there is data to read."""

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

    A server that has read the whole request before it responds has acknowledged all of it by then. 0 if unknown.
    """
    try:
        return int.from_bytes(fcntl.ioctl(connected, termios.TIOCOUTQ, bytes(_INTEGER)), sys.byteorder)
    except (OSError, ValueError):
        return 0


def drop_unsent(connected: socket.socket) -> None:
    """Make closing the socket reset the connection (RST).

    Otherwise the kernel keeps the unacknowledged data, which may be megabytes, for as long as the other side does not
    read.
    """
    with contextlib.suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def is_readable(connected: socket.socket) -> bool:
    """Tell whether data, the end of the stream or an error can be read."""
    if connected.fileno() < 0:
        return False
    polled = select.poll()
    polled.register(connected, select.POLLIN)
    return bool(polled.poll(0))
