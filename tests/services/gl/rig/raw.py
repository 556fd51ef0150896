"""A target on bare sockets: a test's `script` has each connection to itself, from its first byte on."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Self

from services.gl.http import UpstreamRequest
from services.gl.routing.routers import Router, Timeouts, parse_target
from tests.support.ports import free_port
from tests.support.waiting import DEADLINE

Script = Callable[[socket.socket, int], None]


class RawTarget:
    """`script` is given each connection and its number from 1; what it leaves open is closed at the end of the test."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.connections = 0
        self._script = script
        self._tls = tls
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server((host, free_port()), backlog=64)
        self.port: int = self._listening.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"
        self._start(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(DEADLINE)
        for each in self._open:
            each.close()

    def _start(self, work, *args) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._start(self._serve, connection, self.connections)

    def _serve(self, connection: socket.socket, number: int) -> None:
        connection.settimeout(DEADLINE)
        # a close that resets would throw away what Nagle's algorithm holds back
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            self._script(connection, number)


def head_of(connection: socket.socket) -> bytes:
    """Read up to the end of a request's head, byte by byte, so that the body stays unread. Empty at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        head += byte
    return head


def whole_request(connection: socket.socket) -> bytes:
    """Read a request with a Content-Length, or without a body. Empty at the end."""
    head = head_of(connection)
    lines = [line.lower() for line in head.split(b"\r\n")]
    left = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
    data = bytearray(head)
    while left:
        piece = connection.recv(min(left, 1 << 20))
        if not piece:
            return b""
        left -= len(piece)
        data += piece
    return bytes(data)


def answer(body: bytes = b"ok", status: int = 200, *lines: str) -> bytes:
    """A whole response with a Content-Length."""
    more = "".join(f"{line}\r\n" for line in lines)
    return f"HTTP/1.1 {status} X\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


def request(url: str, body: bytes = b"", method: str = "POST", timeouts: Timeouts | None = None) -> UpstreamRequest:
    """What a pool is asked to send."""
    return UpstreamRequest(method, Router("/", {}, parse_target(url, "", {}, timeouts)), "/x", "", {}, body)


async def body_of(response) -> bytes:
    """All of a response's body."""
    pieces = []
    while piece := await response.read():
        pieces.append(piece)
    return b"".join(pieces)
