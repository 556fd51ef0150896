"""The protocol without sockets: the same bytes mean the same however they are cut, and nothing makes it fail."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.gl.errors import Refusal
from services.gl.http import Disconnected
from services.gl.limits import Limits
from services.gl.server.connection import ClientConnection
from services.gl.server.garbage_collection import GarbageCollection
from services.gl.server.listener import plain
from services.gl.server.uploads import READ_BYTES, Uploads

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class FakeTransport:
    """A connection's other half: what was written, and whether it ended."""

    def __init__(self):
        self.written = b""
        self.ended = False
        self.aborted = False
        self.reads = True

    def get_extra_info(self, _):
        return ("192.0.2.7", 1)

    def write(self, data):
        assert not self.ended
        self.written += data

    def can_write_eof(self):
        return True

    def write_eof(self):
        self.ended = True

    def close(self):
        self.ended = True

    def abort(self):
        self.ended = self.aborted = True

    def pause_reading(self):
        self.reads = False

    def resume_reading(self):
        self.reads = True


@pytest.mark.parametrize(
    ("method", "status", "length", "leaves"),
    [
        ("GET", 200, 5, True),
        ("GET", 200, None, True),
        ("GET", 200, 0, False),
        ("HEAD", 200, 5, False),
        ("GET", 204, None, False),
        ("GET", 304, 5, False),
    ],
)
async def test_head_that_is_all_of_a_reply(method, status, length, leaves):
    """It does not leave before the reply's end: the record is kept between the two."""
    listener, transport = FakeListener(), FakeTransport()
    listener.start = listener.tasks.append
    connection = ClientConnection(listener)
    connection.connection_made(transport)
    connection.data_received(f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    (exchange,) = listener.tasks
    exchange.start(status, {}, length)
    exchange.flush()
    assert bool(transport.written) is leaves
    exchange.write(b"x" * (length or 0))
    exchange.finish()
    assert transport.written.startswith(f"HTTP/1.1 {status} ".encode())


class FakeListener:
    """Responses each request with its body; remembers what it was handed."""

    error_reply = staticmethod(plain)

    def __init__(self, limits=None):
        self.limits = limits or Limits()
        self.draining = False
        self.requests = []
        self.tasks = []
        self.garbage = GarbageCollection()
        self.buffer = memoryview(bytearray(READ_BYTES))
        self.uploads = Uploads(self.limits.inflight_body, asyncio.get_running_loop().time)

    def closed(self, _):
        """Nothing is counted."""

    def start(self, exchange):
        task = asyncio.ensure_future(self._answer(exchange))
        self.tasks.append(task)
        return task

    async def _answer(self, exchange):
        try:
            body = await exchange.body(self.limits.request_body)
        except Refusal as refusal:
            await self._reply(exchange, refusal.status, b"{}")
            return
        except (Disconnected, asyncio.CancelledError):
            return
        self.requests.append((exchange.method, exchange.path, exchange.query, exchange.headers, body))
        await self._reply(exchange, 200, body)

    async def _reply(self, exchange, status, body):
        exchange.start(status, {}, len(body))
        assert exchange.write(body) is None
        exchange.finish()


async def fed(pieces, limits=None):
    """What comes of bytes that arrive in these pieces: the requests, the statuses of the replies, whether it ended."""
    listener, transport = FakeListener(limits), FakeTransport()
    connection = ClientConnection(listener)
    connection.connection_made(transport)
    for piece in pieces:
        for _ in range(1000):  # as the kernel does, hold back what is not read
            if transport.reads:
                break
            await asyncio.sleep(0)
        if transport.ended:
            break
        connection.data_received(piece)
        for _ in range(6):  # the requests that are there get their replies
            await asyncio.sleep(0)
    before = -1
    while before < len(transport.written) or before < 0:
        before = len(transport.written)
        for _ in range(80):
            await asyncio.sleep(0)
    connection.connection_lost(None)
    await asyncio.gather(*listener.tasks, return_exceptions=True)
    return listener.requests, statuses(transport.written), transport.ended


def statuses(written):
    found = []
    while written:
        head, _, rest = written.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        found.append(status)
        size = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        written = rest[size:] if status != 100 else rest
    return found


names = st.sampled_from([b"X-A", b"x-b", b"Accept", b"Api-Key"])
texts = st.binary(max_size=12).map(lambda data: bytes(byte for byte in data if byte >= 0x20 and byte != 0x7F).strip())
bodies = st.binary(max_size=40)


@st.composite
def good(draw):
    """A request that is well formed."""
    method = draw(st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS"]))
    lines = [b"%b: %b" % pair for pair in draw(st.lists(st.tuples(names, texts), max_size=3))]
    first = b"%b /p%d?q=%d HTTP/1.1" % (method, draw(st.integers(0, 9)), draw(st.integers(0, 9)))
    kind, body = draw(st.sampled_from(["none", "length", "chunked", "offer"])), draw(bodies)
    if kind == "none":
        framing, tail = [], b""
    elif kind == "chunked":
        cut = draw(st.integers(0, len(body)))
        parts = [part for part in (body[:cut], body[cut:]) if part]
        framing, tail = (
            [b"Transfer-Encoding: chunked"],
            b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n",
        )
    else:
        framing, tail = [b"Content-Length: %d" % len(body)], body
        if kind == "offer":
            framing += [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AA"]
    return b"\r\n".join([first, b"Host: g", *lines, *framing, b"", b""]) + tail


wild = st.lists(
    st.sampled_from(
        [
            b"GET",
            b"POST",
            b" ",
            b"/",
            b"/x",
            b"HTTP/1.1",
            b"\r\n",
            b"\r",
            b"\n",
            b":",
            b"Host: g",
            b"Content-Length: 3",
            b"0",
            b"3",
            b"Transfer-Encoding: chunked",
            b"abc",
            b"\0",
            b"\xff",
            b"\t",
            b",",
            b";",
            b"Upgrade: h2c",
            b"Connection: Upgrade",
            b"a" * 50,
        ]
    )
    | st.binary(max_size=6),
    max_size=40,
).map(b"".join)


def cut(data, places):
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(bounds) if start < end]


@FUZZ
@given(requests=st.lists(good(), min_size=1, max_size=4), places=st.lists(st.integers(0, 10_000), max_size=8))
async def test_good_requests_are_all_answered(requests, places):
    """Well formed requests, sent ahead and cut anywhere, are all answered, each with its own body."""
    whole = await fed([b"".join(requests)])
    pieces = await fed(cut(b"".join(requests), places))
    assert whole[1] == pieces[1] == [200] * len(requests)
    assert whole[0] == pieces[0]
    assert [request[4] for request in whole[0]] == [body_of(raw) for raw in requests]


@FUZZ
@given(
    requests=st.lists(good(), min_size=1, max_size=4),
    times=st.integers(8, 30),
    last=wild,
    places=st.lists(st.integers(0, 100_000), max_size=8),
)
async def test_many_requests_sent_ahead(requests, times, last, places):
    """More of them than may wait are answered as well, in order, and what is wrong behind them is refused."""
    raw = b"".join(requests) * times + last
    whole, pieces = await fed([raw]), await fed(cut(raw, places))
    count = len(requests) * times
    assert whole[1][:count] == [200] * count
    assert [request[4] for request in whole[0][:count]] == [body_of(raw) for raw in requests] * times
    assert whole == pieces


def body_of(raw):
    head, _, tail = raw.partition(b"\r\n\r\n")
    if b"Transfer-Encoding: chunked" not in head.split(b"\r\n"):
        return tail
    body = b""
    while True:
        size, _, tail = tail.partition(b"\r\n")
        if not (length := int(size, 16)):
            return body
        body, tail = body + tail[:length], tail[length + 2 :]


@FUZZ
@given(before=st.lists(good(), max_size=2), data=wild, places=st.lists(st.integers(0, 10_000), max_size=8))
@example(
    [], b"POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nabcGET", []
)
@example([], b"\r\n" * 30, [3, 5])
async def test_anything_may_come(before, data, places):
    """Whatever comes, nothing fails; what came before it is answered; it means the same however it is cut."""
    raw = b"".join(before) + data
    whole, pieces = await fed([raw]), await fed(cut(raw, places))
    assert whole[1][: len(before)] == pieces[1][: len(before)] == [200] * len(before)
    assert whole[0] == pieces[0]
    assert whole[1] == pieces[1]


@pytest.mark.parametrize("size", [1, 10, 64])
async def test_one_byte_at_a_time(size):
    """The head limit counts bytes of heads, not packets: requests over one connection do not add up."""
    raw = b"GET /x HTTP/1.1\r\nHost: g\r\nX-A: %b\r\n\r\n" % (b"a" * 600)
    requests, replies, _ = await fed(cut(raw * 10, range(0, len(raw) * 10, size)), Limits(request_head=1024))
    assert replies == [200] * 10
    assert len(requests) == 10
