"""A caller that sends fast takes turns with all others."""

import asyncio

from services.gl.config import Limits
from services.gl.server.connection import Connection

PIECE = 256_000  # bytes that uvloop reads at a time


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
            connection.data_received(self.pieces.pop(0))
        self.turns.append(read)


class Listener:
    """Who takes requests and never answers one."""

    limits = Limits()
    draining = False

    def __init__(self):
        self.exchanges = []

    def admit(self, _):
        return True

    def leave(self, _):
        """Nobody counts."""

    def work(self, exchange):
        self.exchanges.append(exchange)


async def turns_of(body_size, piece):
    """How many pieces were read in each turn until the whole body had come."""
    body = b"x" * body_size
    whole = b"POST /x HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\n\r\n" % body_size + body
    transport = Transport([whole[at : at + piece] for at in range(0, len(whole), piece)])
    listener = Listener()
    connection = Connection(listener)
    connection.connection_made(transport)
    while transport.pieces:
        transport.turn(connection)
        await asyncio.sleep(0)
    (exchange,) = listener.exchanges
    assert await exchange.body(len(body)) == body
    return transport.turns


async def test_large_pieces_are_read_one_a_turn():
    """A full buffer says that more is waiting: it waits until others have had their turn."""
    assert set(await turns_of(20 * PIECE, PIECE)) == {1}


async def test_small_pieces_are_read_as_they_come():
    """Who sends little at a time is not held up."""
    assert await turns_of(30 * 1000, 1000) == [31]
