"""A client that writes raw bytes to the gateway and reads its replies by the letter of RFC 9112."""

import contextlib
import json
import socket
import ssl
import struct
from dataclasses import dataclass
from typing import Any, Self

DEADLINE = 10.0  # seconds: a reply that has not come by then does not come

Lines = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply. `complete` is False if the connection broke before the end of the body; `chunks` are its chunks."""

    status: int
    lines: Lines
    body: bytes = b""
    complete: bool = True
    chunks: tuple[bytes, ...] = ()

    def values(self, name: str) -> list[str]:
        wanted = name.lower().encode()
        return [value.decode("latin-1") for line, value in self.lines if line.lower() == wanted]

    def value(self, name: str) -> str | None:
        values = self.values(name)
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def transaction(self) -> str:
        value = self.value("Session-Id")
        assert value is not None, "no session header"
        return value


class Broken(Exception):
    """The gateway ended the connection before the reply was complete; `body` is what came of it."""

    def __init__(self, body: bytes = b"") -> None:
        super().__init__(f"connection ended after {len(body)} bytes of the body")
        self.body = body


class HttpClient:
    """One connection to the gateway."""

    def __init__(
        self, port: int, *, tls: ssl.SSLContext | None = None, receive_buffer: int = 0, host: str = "127.0.0.1"
    ) -> None:
        plain = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(DEADLINE)
        self._buffer = b""
        try:
            plain.connect((host, port))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = tls.wrap_socket(plain, server_hostname="localhost") if tls else plain
        except OSError:
            plain.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    # ------------------------------------------------------------ what is sent

    def send(self, data: bytes) -> Self:
        self._socket.sendall(data)
        return self

    def ask(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Self:
        """Send a request; a Content-Length is added for a body."""
        return self.send(request(method, target, headers, body))

    def leave(self) -> None:
        """Close the connection at once (TCP RST), as a client does who loses patience."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    # ------------------------------------------------------------- what comes

    def reply(self, *, to_head: bool = False) -> Reply:
        """The next reply, whole. Raises Broken if the connection ends before it begins."""
        head = self.head()
        if to_head or head.status in (204, 304) or head.status < 200:
            return head
        chunks: list[bytes] = []
        try:
            self._body(head, chunks)
        except Broken as error:
            return Reply(head.status, head.lines, b"".join(chunks) + error.body, complete=False, chunks=tuple(chunks))
        return Reply(head.status, head.lines, b"".join(chunks), chunks=tuple(chunks))

    def head(self) -> Reply:
        """Status and headers of the next reply."""
        raw = self._until(b"\r\n\r\n")
        first, *rest = raw[:-4].split(b"\r\n")
        version, status, phrase = first.split(b" ", 2)
        assert version == b"HTTP/1.1", first
        assert phrase, first  # some clients take a line without one for malformed
        return Reply(
            int(status), [(name, value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in rest)]
        )

    def chunk(self) -> bytes:
        """The next chunk of a chunked body, empty at its end."""
        size = int(self._until(b"\r\n"), 16)
        data = self._exactly(size + 2)
        assert data.endswith(b"\r\n")
        return data[:-2]

    def some(self, size: int = 65536) -> bytes:
        """Bytes as they come, empty at the end of the connection."""
        if self._buffer:
            data, self._buffer = self._buffer[:size], self._buffer[size:]
            return data
        try:
            return self._socket.recv(size)
        except ConnectionError:
            return b""

    def rest(self) -> bytes:
        """Everything until the end of the connection."""
        parts = []
        while piece := self.some():
            parts.append(piece)
        return b"".join(parts)

    def ended(self) -> bool:
        """Wait for the end of the connection; False if something comes instead."""
        return self.some(1) == b""

    def _body(self, head: Reply, chunks: list[bytes]) -> None:
        if "chunked" in (head.value("Transfer-Encoding") or ""):
            while chunk := self.chunk():
                chunks.append(chunk)
        elif (size := head.value("Content-Length")) is not None:
            chunks.append(self._exactly(int(size)))
        else:
            chunks.append(self.rest())

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._more()
        end = self._buffer.index(mark) + len(mark)
        data, self._buffer = self._buffer[:end], self._buffer[end:]
        return data

    def _exactly(self, size: int) -> bytes:
        parts = bytearray(self._buffer)
        self._buffer = b""
        while len(parts) < size:
            try:
                piece = self._socket.recv(1 << 20)
            except ConnectionError:
                piece = b""
            if not piece:
                raise Broken(bytes(parts))
            parts += piece
        self._buffer = bytes(parts[size:])
        return bytes(parts[:size])

    def _more(self) -> None:
        with contextlib.suppress(ConnectionError):
            if piece := self._socket.recv(65536):
                self._buffer += piece
                return
        raise Broken(self._buffer)


def request(method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """A request as bytes, with `Host`, and `Content-Length` for a body."""
    lines = {"Host": "gateway"} | (headers or {})
    if body and "Content-Length" not in lines and "Transfer-Encoding" not in lines:
        lines["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body
