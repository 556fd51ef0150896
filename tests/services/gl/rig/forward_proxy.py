"""A small forward proxy: CONNECT, and plain requests by absolute address; it may ask for a password."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit

from tests.support.waiting import DEADLINE


class ForwardProxy:
    """`heads` are those of all requests that came. `answer` replaces the reply to CONNECT."""

    def __init__(self, authorization: str = "") -> None:
        self.heads: list[bytes] = []
        self.answer = b""
        self._authorization = authorization
        self._sockets: set[socket.socket] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        for each in (self._listening, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near:
            self._sockets.add(near)
            near.settimeout(DEADLINE)
            with contextlib.suppress(OSError):
                self._tunnel(near)
            self._sockets.discard(near)

    def _tunnel(self, near: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = near.recv(65536)
            if not data:
                return
            head += data
        self.heads.append(head)
        method, where, _ = head.split(b" ", 2)
        if self._authorization and self._authorization.encode() not in head:
            near.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        if self.answer:
            near.sendall(self.answer)
            return
        if method == b"CONNECT":
            host, _, port = where.decode().rpartition(":")
            first = b""
        else:
            parts = urlsplit(where.decode())
            host, port = parts.hostname or "", str(parts.port)
            first = head.replace(where, where.split(port.encode(), 1)[1], 1)
        with socket.create_connection((host if host != "target.test" else "127.0.0.1", int(port))) as far:
            self._sockets.add(far)
            far.settimeout(DEADLINE)
            if first:
                far.sendall(first)
            else:
                near.sendall(b"HTTP/1.1 200 Connection established\r\nX-Proxy: here\r\n\r\n")
            back = threading.Thread(target=_pump, args=(far, near), daemon=True)
            back.start()
            _pump(near, far)
            back.join(DEADLINE)
            self._sockets.discard(far)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for each in (source, sink):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
