"""An upstream whose every step a test decides: each connection has a thread, each request runs the test's `behaviour`.

Blocking, on a port that stays the same: one gateway process can be shared by many tests, hypothesis among them.
"""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.waiting import DEADLINE, until

Lines = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came; `connection` counts connections from 1."""

    method: str
    target: str
    lines: Lines
    body: bytes
    head: bytes
    connection: int

    def values(self, name: str) -> list[bytes]:
        wanted = name.lower().encode()
        return [value for line, value in self.lines if line.lower() == wanted]


class Talk:
    """One request, and the way to answer it byte by byte. Writing to a client that left raises OSError."""

    def __init__(self, connection: socket.socket, request: Seen) -> None:
        self.request = request
        self.over = False
        self._socket = connection

    def reply(
        self, body: bytes = b'{"ok":true}', status: int = 200, *lines: str, kind: str = "application/json"
    ) -> None:
        """A whole response with a Content-Length."""
        self.head(*([f"Content-Type: {kind}"] if kind else []), *lines, f"Content-Length: {len(body)}", status=status)
        self.send(body)

    def head(self, *lines: str, status: int = 200) -> None:
        self.send("\r\n".join([f"HTTP/1.1 {status} Scripted", *lines, "", ""]).encode("latin-1"))

    def chunk(self, data: bytes) -> None:
        """One chunk; an empty one is the end."""
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send_at_most(self, total: int, seconds: float) -> int:
        """Send up to `total` bytes as chunks, until nothing is taken for `seconds`; returns how many were taken."""
        piece = bytes(65536)
        frame = b"%x\r\n%b\r\n" % (len(piece), piece)
        sent = 0
        self._socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            while sent < total:
                sent += self._socket.send(frame)
        self._socket.settimeout(DEADLINE)
        return sent

    def left(self) -> bool:
        """Wait until the gateway has closed the connection; False if it sends something instead."""
        try:
            return self._socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        """Close in order: what was sent arrives."""
        self.over = True

    def reset(self) -> None:
        """Break the connection (TCP RST)."""
        self.over = True
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._socket.close()


Behaviour = Callable[[Talk], None]


def usual(talk: Talk) -> None:
    """`{"ok":true}`."""
    talk.reply()


class Turns:
    """The target waits for the test: `done` by the test lets it continue by one step."""

    def __init__(self) -> None:
        self._turn = threading.Semaphore(0)

    def done(self) -> None:
        self._turn.release()

    def wait(self) -> None:
        assert self._turn.acquire(timeout=DEADLINE), "the test did not see the chunk"


class Upstream:
    """A server for the gateway to call. `behaviour` answers; `seen` is what came since `reset`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.behaviour: Behaviour = usual
        self.seen: list[Seen] = []
        self.connections = 0
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._listening = self._listen()
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _listen(self) -> socket.socket:
        return socket.create_server(("127.0.0.1", 0), backlog=256)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}" if self._tls else f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        """Forget what came, and answer as usual."""
        self.behaviour = usual
        self.seen.clear()

    def asked(self, number: int = 1) -> Seen:
        """Wait for the request of this number since `reset`."""
        until(lambda: len(self.seen) >= number, "a request at the upstream")
        return self.seen[number - 1]

    def hang_up(self) -> None:
        """Close all connections that stand."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.hang_up()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, plain: socket.socket, number: int) -> None:
        connection = plain
        try:
            plain.settimeout(DEADLINE)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(plain, server_side=True)
            self._open.add(connection)
            self._requests(connection, number)
        except (OSError, EOFError):
            pass  # the gateway has gone, or the test has ended
        finally:
            self._open.discard(connection)
            connection.close()
            plain.close()

    def _requests(self, connection: socket.socket, number: int) -> None:
        with connection.makefile("rb") as stream:
            while (request := read_request(stream, number)) is not None:
                self.seen.append(request)
                talk = Talk(connection, request)
                self.behaviour(talk)
                if talk.over:
                    return


def read_request(stream, number: int = 0) -> Seen | None:
    """The next request; None if the connection has ended."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    first, *rest = head[:-4].split(b"\r\n")
    method, target, _ = first.decode("latin-1").split(" ")
    lines = [(name, value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in rest)]
    request = Seen(method, target, lines, b"", head, number)
    assert not request.values("transfer-encoding"), "the gateway sends lengths"
    size = int((request.values("content-length") or [b"0"])[0])
    body = stream.read(size)
    if len(body) < size:
        return None
    return Seen(method, target, lines, body, head, number)
