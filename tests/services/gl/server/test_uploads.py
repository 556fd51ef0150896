"""Bodies are read only as far as they may be held: one connection, without sockets, against the budget."""

import asyncio

import pytest

from services.gl.errors import Refusal
from services.gl.limits import Limits
from services.gl.server.body_budget import MIB, SMALL
from services.gl.server.connection import ClientConnection
from services.gl.server.garbage_collection import GarbageCollection
from services.gl.server.listener import plain
from services.gl.server.request_reader import RequestReader
from services.gl.server.uploads import LARGE_READ_BYTES, READ_BYTES, Uploads
from tests.services.gl.server.test_exchange import FakeTransport, statuses


class Clock:
    """The time, as a test says it is."""

    now = 0.0

    def __call__(self):
        return self.now


class Asking:
    """A listener whose work on a request begins when the test says so: `ask` the exchange for its body."""

    error_reply = staticmethod(plain)

    def __init__(self, budget=64 * MIB):
        self.limits = Limits(inflight_body=budget)
        self.draining = False
        self.grace = 0.0
        self.clock = Clock()
        self.uploads = Uploads(budget, self.clock)
        self.garbage = GarbageCollection()
        self.buffer = memoryview(bytearray(LARGE_READ_BYTES))
        self.exchanges = []
        self._begin = asyncio.Event()

    def start(self, exchange):
        self.exchanges.append(exchange)
        exchange.begin = asyncio.Event()
        return asyncio.ensure_future(self._answer(exchange))

    async def _answer(self, exchange):
        await exchange.begin.wait()
        try:
            exchange.seen = await exchange.body(self.limits.request_body)
            status = 200
        except Refusal as refusal:
            status = refusal.status
        exchange.start(status, {}, 0)
        exchange.finish()

    def closed(self, _):
        """Nothing is counted."""

    def connect(self):
        """A client's connection, and its other half."""
        connection, transport = ClientConnection(self), FakeTransport()
        connection.connection_made(transport)
        return connection, transport


def post(length, *lines):
    return "\r\n".join(["POST /x HTTP/1.1", "Host: g", f"Content-Length: {length}", *lines, "", ""]).encode()


CHUNKED = b"POST /x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


def arrive(connection, data):
    """Bytes come from the kernel, by way of the buffer that all connections have."""
    buffer = connection.get_buffer(-1)
    buffer[: len(data)] = data
    connection.buffer_updated(len(data))


async def upload(connection, transport, size):
    """Bytes of a body come for as long as they are read; returns how many did."""
    sent = 0
    while sent < size:
        if not transport.reads:
            await settle()  # others have their turn
        if not transport.reads:
            break
        piece = min(READ_BYTES, size - sent)
        arrive(connection, b"x" * piece)
        sent += piece
    return sent


async def test_a_body_is_not_read_before_it_is_asked_for():
    """Only what comes with the head is; the rest when the gateway has looked at the head."""
    listener = Asking()
    connection, transport = listener.connect()
    arrive(connection, post(MIB))
    assert await upload(connection, transport, MIB) == READ_BYTES
    (exchange,) = listener.exchanges
    exchange.begin.set()
    await settle()
    assert transport.reads
    assert await upload(connection, transport, MIB - READ_BYTES) == MIB - READ_BYTES
    await settle()
    assert exchange.seen == b"x" * MIB
    assert statuses(transport.written) == [200]


async def test_a_small_body_needs_no_second_look():
    """One that comes with its head is there at once, and is given back when the call is over."""
    listener = Asking()
    connection, transport = listener.connect()
    arrive(connection, post(3) + b"abc")
    (exchange,) = listener.exchanges
    exchange.begin.set()
    await settle()
    assert exchange.seen == b"abc"
    assert transport.reads
    assert listener.uploads.reserve(8 * MIB), "all of the small pool is free again"


async def test_queued_bodies_are_not_read():
    """A client that sends requests ahead holds the one that is worked on, and the beginning of the next."""
    listener = Asking()
    connection, transport = listener.connect()
    arrive(connection, post(3) + b"abc")
    arrive(connection, post(SMALL))
    assert await upload(connection, transport, SMALL) == READ_BYTES
    listener.exchanges[0].begin.set()
    await settle()
    assert not transport.reads, "its turn has come, but nobody has asked for its body"
    listener.exchanges[1].begin.set()
    await settle()
    assert await upload(connection, transport, SMALL - READ_BYTES) == SMALL - READ_BYTES
    await settle()
    assert statuses(transport.written) == [200, 200]


async def test_many_tiny_requests_in_one_packet(monkeypatch):
    """What a client sends ahead is kept as bytes until its turn comes: as requests it would take far more memory."""
    listener = Asking()
    tiny = b"GET / HTTP/1.1\r\nHost:\r\n\r\n"
    read = []
    on_url = RequestReader.on_url
    monkeypatch.setattr(RequestReader, "on_url", lambda self, url: (read.append(url), on_url(self, url)))
    connection, transport = listener.connect()
    arrive(connection, tiny * 1000)
    assert len(read) <= 1 + 8 + 256 // len(tiny) + 1
    assert not transport.reads
    for number in range(1000):
        listener.exchanges[number].begin.set()
        await settle()
    assert statuses(transport.written) == [200] * 1000
    assert transport.reads


async def test_a_client_that_leaves_with_requests_sent_ahead():
    """Nothing of what it sent ahead begins any more."""
    listener = Asking()
    connection, _ = listener.connect()
    arrive(connection, b"GET / HTTP/1.1\r\nHost:\r\n\r\n" * 1000)
    connection.connection_lost(None)
    await settle()
    assert len(listener.exchanges) == 1


@pytest.mark.parametrize("size", [1000, 20_000])
async def test_queued_small_bodies_together(size):
    """Many small ones count together."""
    listener = Asking()
    connection, transport = listener.connect()
    sent = 0
    while transport.reads:
        arrive(connection, post(size) + b"x" * size)
        sent += 1
    assert sent <= 1 + max(2, 16 * 1024 // size + 1)
    for _ in range(sent):
        listener.exchanges[-1].begin.set()
        await settle()
    assert statuses(transport.written) == [200] * sent


async def test_an_upload_waits_for_room_and_is_not_read():
    """The second body of that size waits in the kernel until the first call is over."""
    listener = Asking(budget=4 * MIB)
    clients = [listener.connect() for _ in range(2)]
    for connection, _ in clients:
        arrive(connection, post(2 * MIB, "Expect: 100-continue"))
    for exchange in listener.exchanges:
        exchange.begin.set()
    await settle()
    (first, one), (second, two) = clients
    assert (one.reads, two.reads) == (True, False)
    assert (one.written, two.written) == (b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    await upload(first, one, 2 * MIB)
    await settle()
    assert statuses(one.written) == [100, 200]
    assert two.reads
    await upload(second, two, 2 * MIB)
    await settle()
    assert statuses(two.written) == [100, 200]


@pytest.mark.parametrize("stalls_in", ["body", "chunks"])
async def test_who_stalls_makes_room(stalls_in):
    """A client that sends nothing more is sent away when another one waits, and what it sent is not kept."""
    listener = Asking(budget=4 * MIB)
    first, one = listener.connect()
    arrive(first, post(3 * MIB) if stalls_in == "body" else CHUNKED)
    listener.exchanges[0].begin.set()
    await settle()
    frame = b"ffff\r\n" + b"x" * 65535 + b"\r\n" if stalls_in == "chunks" else b"x" * READ_BYTES
    for _ in range(20):
        arrive(first, frame[:READ_BYTES])
        for byte in [frame[READ_BYTES:]] if frame[READ_BYTES:] else []:
            arrive(first, byte)
    listener.clock.now = 100.0
    listener.uploads.sweep()
    assert one.written == b"", "nobody waits"
    second, two = listener.connect()
    arrive(second, post(2 * MIB))
    listener.exchanges[1].begin.set()
    await settle()
    assert not two.reads
    listener.uploads.sweep()
    await settle()
    assert statuses(one.written) == [408]
    assert two.reads
    await upload(second, two, 2 * MIB)
    await settle()
    assert statuses(two.written) == [200]


async def test_a_client_that_leaves_makes_room():
    """As one that stalls, at once."""
    listener = Asking(budget=4 * MIB)
    clients = [listener.connect() for _ in range(2)]
    for connection, _ in clients:
        arrive(connection, post(2 * MIB))
    for exchange in listener.exchanges:
        exchange.begin.set()
    await settle()
    assert not clients[1][1].reads
    clients[0][0].connection_lost(None)
    await settle()
    assert clients[1][1].reads


async def test_who_waits_too_long_is_told():
    """There is no room: 503, and when to come again."""
    listener = Asking(budget=4 * MIB)
    for _ in range(2):
        connection, transport = listener.connect()
        arrive(connection, post(2 * MIB))
        listener.exchanges[-1].begin.set()
        await settle()
    connection.timed_out()
    await settle()
    assert statuses(transport.written) == [503]
    assert transport.ended


async def test_a_large_head_is_an_upload():
    """Heads that do not come to their end are held in the same budget."""
    listener = Asking(budget=4 * MIB)
    line = b"X-A: " + b"a" * 8000 + b"\r\n"
    transports = []
    for _ in range(4):
        connection, transport = listener.connect()
        arrive(connection, b"GET /x HTTP/1.1\r\nHost: g\r\n")
        upload_head(connection, transport, line)
        transports.append(transport)
    assert [transport.reads for transport in transports] == [True, False, False, False]
    listener.clock.now = 100.0
    listener.uploads.sweep()
    assert statuses(transports[0].written) == [408]
    assert transports[1].reads


def upload_head(connection, transport, line):
    for _ in range(20):
        if not transport.reads:
            return
        arrive(connection, line)


@pytest.mark.parametrize("chunk", [1, 100, 60_000])
async def test_chunked_body(chunk):
    """It grows a step at a time, through both pools, and arrives whole."""
    listener = Asking()
    connection, transport = listener.connect()
    size = 50_000 if chunk == 1 else 3 * MIB
    raw = CHUNKED + b"%x\r\n%b\r\n" % (chunk, b"x" * chunk) * (size // chunk) + b"0\r\n\r\n"
    for start in range(0, len(raw), READ_BYTES):
        for _ in range(10):
            if transport.reads:
                break
            listener.exchanges[0].begin.set()
            await settle()
        assert transport.reads
        arrive(connection, raw[start : start + READ_BYTES])
        await settle()
    listener.exchanges[0].begin.set()
    await settle()
    assert listener.exchanges[0].seen == b"x" * (size // chunk * chunk)
    assert statuses(transport.written) == [200]
