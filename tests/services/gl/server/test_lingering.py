"""The end of a connection whose client reads slowly. With real sockets that hold little."""

import asyncio
import socket

import uvloop

from services.gl.limits import Limits
from services.gl.server.connection import ClientConnection
from services.gl.server.garbage_collection import GarbageCollection
from services.gl.server.uploads import LARGE_READ_BYTES, Uploads
from tests.support.waiting import DEADLINE

REQUEST = b"GET /x HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n"
BODY = bytes(60_000)  # more than the sockets hold, less than what makes the gateway wait for the client
SMALL = 4096


class Listener:
    """Answers each request with the body, and looks after the deadlines only when told to."""

    limits = Limits()
    draining = False

    def __init__(self):
        self.uploads = Uploads(self.limits.inflight_body, asyncio.get_running_loop().time)
        self.garbage = GarbageCollection()
        self.buffer = memoryview(bytearray(LARGE_READ_BYTES))
        self.connection = ClientConnection(self)

    def closed(self, _):
        """Nobody counts."""

    def start(self, exchange):
        return asyncio.ensure_future(self._answer(exchange))

    async def _answer(self, exchange):
        exchange.start(200, {}, len(BODY))
        exchange.write(BODY)
        exchange.finish()


async def received(deadlines):
    """What a client receives that reads after so many deadlines of its closing connection have passed."""
    loop = asyncio.get_running_loop()
    listener = Listener()
    with socket.create_server(("127.0.0.1", 0)) as accepting:
        accepting.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        server = await loop.create_server(lambda: listener.connection, sock=accepting)
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
            client.setblocking(False)
            await loop.sock_connect(client, accepting.getsockname())
            await loop.sock_sendall(client, REQUEST)
            first = await loop.sock_recv(client, 1)
            for _ in range(deadlines):
                assert listener.connection.deadline is not None
                listener.connection.timed_out()
            data = bytearray(first)
            async with asyncio.timeout(DEADLINE):
                while piece := await loop.sock_recv(client, 65536):
                    data += piece
        server.close()
    return bytes(data)


def test_the_last_bytes_of_a_response_reach_a_slow_reader():
    """The time for lingering is for bytes that have left. Those that have not have the time of any slow reader."""
    assert uvloop.run(received(1)).endswith(b"\r\n\r\n" + BODY)


def test_a_client_that_never_reads_is_left():
    """That time ends as well."""
    assert len(uvloop.run(received(2))) < len(BODY)
