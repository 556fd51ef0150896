"""A client that sends fast takes turns with all others."""

import asyncio

from services.gl.limits import Limits
from services.gl.server.connection import ClientConnection
from services.gl.server.garbage_collection import GarbageCollection
from services.gl.server.uploads import LARGE_READ_BYTES, READ_BYTES, Uploads


class Transport:
    """Reads as libuv does: up to 32 pieces before anybody else has a turn, unless it is paused."""

    def __init__(self, pieces):
        self.pieces = pieces
        self.turns = []
        self.reading = True

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def get_extra_info(self, _):
        return None

    def turn(self, connection):
        read = 0
        while self.pieces and self.reading and read < 32:
            read += 1
            piece = self.pieces.pop(0)
            connection.get_buffer(-1)[: len(piece)] = piece
            connection.buffer_updated(len(piece))
        self.turns.append(read)


class Listener:
    """Who takes requests and never answers one."""

    limits = Limits()
    draining = False

    def __init__(self):
        self.exchanges = []
        self.uploads = Uploads(self.limits.inflight_body, asyncio.get_running_loop().time)
        self.garbage = GarbageCollection()
        self.buffer = memoryview(bytearray(LARGE_READ_BYTES))

    def closed(self, _):
        """Nobody counts."""

    def start(self, exchange):
        self.exchanges.append(exchange)
        return asyncio.ensure_future(exchange.body(self.limits.request_body))


async def turns_of(body_size, piece):
    """How many pieces were read in each turn until the whole body had come."""
    body = b"x" * body_size
    whole = b"POST /x HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n" % body_size + body
    transport = Transport([whole[at : at + piece] for at in range(0, len(whole), piece)])
    listener = Listener()
    connection = ClientConnection(listener)
    connection.connection_made(transport)
    while transport.pieces:
        transport.turn(connection)
        await asyncio.sleep(0)
    (exchange,) = listener.exchanges
    assert await exchange.task == body
    return transport.turns


async def test_full_buffers_are_read_a_few_a_turn():
    """They say that more is waiting: it waits until others have had their turn."""
    turns = await turns_of(40 * READ_BYTES, READ_BYTES)
    assert max(turns) == 4
    assert sum(turns) == 41


async def test_small_pieces_are_read_as_they_come():
    """Who sends little at a time is not held up."""
    assert max(await turns_of(30 * 1000, 1000)) > 10
