"""A relay to PostgreSQL that is as strict as a pooler in transaction mode, such as PgBouncer.

It refuses settings at the start of a connection, and statements with a name: they would stay on a connection of the
server that the next transaction of someone else gets.
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_KNOWN = {"user", "database", "application_name", "client_encoding", "datestyle", "timezone"}
_SSL_REQUEST = 80877103


@dataclass
class Pooler:
    """Where the relay listens, and what it has seen."""

    server_port: int
    port: int = 0
    connections: int = 0
    named: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def url(self, direct: str, query: str) -> str:
        """The address of a database through the relay."""
        return direct.replace(f":{self.server_port}/", f":{self.port}/") + f"?{query}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection."""
        self.connections += 1
        start = await _start(reader, writer)
        names = start[8:].rstrip(b"\0").split(b"\0")[::2]
        self.refused += [name.decode() for name in names if name.decode().lower() not in _KNOWN]
        if self.refused:
            text = b"SFATAL\0C08P01\0Munsupported startup parameter: " + self.refused[-1].encode() + b"\0\0"
            writer.write(b"E" + struct.pack("!i", len(text) + 4) + text)
            writer.close()
            return
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self.server_port)
        to_server.write(start)
        back = asyncio.create_task(_copy(from_server, writer))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, size = struct.unpack("!ci", await reader.readexactly(5))
                body = await reader.readexactly(size - 4)
                if kind == b"P" and not body.startswith(b"\0"):
                    self.named.append(body.split(b"\0", 1)[0].decode())
                to_server.write(kind + struct.pack("!i", size) + body)
        to_server.close()
        await back


async def _start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The message that begins a connection. TLS is refused, as by a pooler without a certificate."""
    while True:
        head = await reader.readexactly(8)
        size, code = struct.unpack("!ii", head)
        if code != _SSL_REQUEST:
            return head + await reader.readexactly(size - 8)
        writer.write(b"N")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


@asynccontextmanager
async def pooler(direct: str) -> AsyncIterator[Pooler]:
    """A relay to the server of an address."""
    found = Pooler(urlsplit(direct).port or 5432)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
