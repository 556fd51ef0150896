"""The NATS protocol on one connection: the parser by properties, the rest against a real server and a scripted one."""

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import wire
from gecholog.credentials import Credentials
from gecholog.errors import BusAway, BusError
from gecholog.server_address import ServerAddress
from gecholog.wire import Delivery, Login, Parser, Wire
from tests.support.waiting import DEADLINE, eventually

WORD = st.text("abcXYZ_.0*>$é", min_size=1, max_size=12)
CONTENT = st.binary(max_size=60)
HEADERS = st.dictionaries(
    st.text("aB-", min_size=1), st.text("x :y", max_size=5).map(str.strip), min_size=1, max_size=3
)


@st.composite
def messages(draw):
    """A delivery, and the bytes in which a server sends it."""
    headers = wire.encoded(draw(HEADERS)) if draw(st.booleans()) else b""
    reply = draw(st.one_of(st.just(""), WORD))
    found = Delivery(draw(st.integers(0, 10**6)), draw(WORD), reply, headers, draw(CONTENT))
    words = [found.subject, str(found.sid), *([reply] if reply else [])]
    size = len(found.data)
    sizes = [len(headers), len(headers) + size] if headers else [size]
    line = " ".join(["HMSG" if headers else "MSG", *words, *map(str, sizes)])
    return found, line.encode() + b"\r\n" + headers + found.data + b"\r\n"


LINES = st.sampled_from([b"PING", b"PONG", b"+OK", b'INFO {"a":1}', b"-ERR 'no'"]).map(
    lambda line: (line, line + b"\r\n")
)


@given(st.lists(st.one_of(messages(), LINES), max_size=8), st.randoms(use_true_random=False))
def test_whatever_the_pieces(sent, random):
    """What is sent is found, in whatever pieces it arrives."""
    data = b"".join(piece for _, piece in sent)
    parser, found, at = Parser(), [], 0
    while at < len(data):
        step = random.randint(1, max(1, len(data) // 3))
        found += parser.feed(data[at : at + step])
        at += step
    assert found == [expected for expected, _ in sent]


@given(st.binary(max_size=200))
def test_anything_else_is_an_error_or_a_line(data):
    """Bytes of anybody else do not make the parser fail in another way than by the errors that end a connection."""
    with contextlib.suppress(BusError, ValueError, IndexError):
        Parser().feed(data)


def test_a_line_without_end():
    """A sender of a line that does not end is stopped before it fills the memory."""
    parser = Parser()
    for _ in range(10):
        parser.feed(b"x" * 100_000)
    with pytest.raises(BusError, match="without end"):
        parser.feed(b"x" * 100_000)


@given(HEADERS)
def test_headers_there_and_back(headers):
    """Headers are read as they were written."""
    assert wire.decoded(wire.encoded(headers)) == headers


def test_headers_of_the_server():
    """A status and its description are given by name."""
    assert wire.decoded(b"NATS/1.0 503\r\n\r\n") == {"Status": "503"}
    text = b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Stream: 3\r\n\r\n"
    assert wire.decoded(text) == {"Status": "100", "Description": "Idle Heartbeat", "Nats-Last-Stream": "3"}


@pytest.mark.parametrize("headers", [{"a": "b\r\nc: d"}, {"a\n": "b"}])
def test_a_header_cannot_bring_in_another(headers):
    """A line break in a name or value is refused."""
    with pytest.raises(ValueError, match="line break"):
        wire.encoded(headers)


# ------------------------------------------------------------------------------------------------------ a real server


class Heard:
    """An observer that keeps what it is told."""

    def __init__(self):
        self.complaints = []
        self.news = []

    def complained(self, text):
        self.complaints.append(text)

    def informed(self, info):
        self.news.append(info)


def login_with(token, tls=None):
    return Login(Credentials(token), tls, "test")


@pytest.fixture
async def pair(plain_nats_server):
    """Two connections to a server."""
    server, observer = ServerAddress.parse(plain_nats_server.hostname), Heard()
    both = [await Wire.open(server, login_with(plain_nats_server.token), observer) for _ in range(2)]
    yield both
    for one in both:
        await one.close()
    assert not observer.complaints


async def test_messages_keep_their_order(pair):
    """Lazy and other messages, small and large, arrive in the order in which they were sent."""
    one, other = pair
    seen = []
    other.subscribe("s", lambda delivery, _: seen.append(delivery.data))
    await other.ping()
    sent = [b"%d" % number + bytes((number % 5) ** 8) for number in range(200)]
    for number, data in enumerate(sent):
        one.publish("s", data, lazily=number % 3 == 0)
    await eventually(lambda: len(seen) == 200)
    assert seen == sent


async def test_a_lazy_message_leaves_by_itself(pair):
    """Nobody has to send anything else for it."""
    one, other = pair
    seen = []
    other.subscribe("s", lambda delivery, _: seen.append(delivery))
    await other.ping()
    one.publish("s", b"x", "answers.here", wire.encoded({"A": "b"}), lazily=True)
    await eventually(lambda: seen)
    assert seen[0][1:] == ("s", "answers.here", wire.encoded({"A": "b"}), b"x")


async def test_unsubscribed(pair):
    """What the server had sent before the end of a subscription is delivered, what is sent later is not."""
    one, other = pair
    seen = []
    sid = other.subscribe("s", lambda delivery, _: seen.append(delivery))
    await other.ping()
    one.publish("s", b"x")
    await one.ping()
    await other.unsubscribe(sid)
    assert [delivery.data for delivery in seen] == [b"x"]
    one.publish("s", b"y")
    await one.ping()
    await other.ping()
    assert len(seen) == 1


async def test_close_sends_what_waits(pair):
    """What was sent lazily just before the end arrives."""
    one, other = pair
    seen = []
    other.subscribe("s", lambda delivery, _: seen.append(delivery))
    await other.ping()
    one.publish("s", b"x", lazily=True)
    await one.close()
    await eventually(lambda: seen)
    with pytest.raises(BusAway):
        one.publish("s", b"y")
    with pytest.raises(BusAway):
        await one.ping()
    await one.close()  # does nothing more


# ------------------------------------------------------------------------------------------------- a scripted server


@contextlib.asynccontextmanager
async def scripted(*said):
    """A server that says these things, the first as its greeting, the others each after a line from the client."""

    async def serve(reader, writer):
        for text in said:
            writer.write(text)
            if not await reader.readline():
                break
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield ServerAddress("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def opened(server, observer=None):
    async with asyncio.timeout(DEADLINE):
        return await Wire.open(server, login_with("secret"), observer or Heard())


async def test_a_server_that_falls_silent(monkeypatch):
    """Pings that are not answered end the connection."""
    monkeypatch.setattr(wire, "_PING_EVERY", 0.01)
    async with scripted(b'INFO {"max_payload":77}\r\n', b"", b"PONG\r\n") as server:
        connection = await opened(server)
        assert connection.max_payload == 77
        async with asyncio.timeout(DEADLINE):
            assert await connection.lost == "the bus does not answer"


async def test_nonsense_ends_the_connection():
    """What is not understood is not guessed at."""
    async with scripted(b"INFO {}\r\n", b"", b"PONG\r\n+OK\r\nMSG a b c\r\n") as server:
        with pytest.raises(BusAway, match="not understood"):
            await opened(server)


@pytest.mark.parametrize("size", [b"-15", b"-1", b"99999999999", b"1x"])
def test_impossible_sizes(size):
    """A message of such a size is not waited for."""
    for line in (b"MSG a 1 " + size, b"HMSG a 1 0 " + size):
        with pytest.raises((BusError, ValueError)):
            Parser().feed(line + b"\r\nx\r\n")


@pytest.mark.parametrize("greeting", [b"INFO []\r\n", b"INFO 3\r\n", b'INFO "a"\r\n'])
async def test_a_greeting_that_is_none(greeting):
    """What does not introduce itself as a NATS server is none."""
    async with scripted(greeting) as server:
        with pytest.raises(BusAway):
            await opened(server)


async def test_a_limit_that_is_none():
    """A server that names no sensible limit is taken to have the usual one."""
    async with scripted(b'INFO {"max_payload":null}\r\n', b"", b"PONG\r\n") as server:
        connection = await opened(server)
        assert connection.max_payload == 1024 * 1024
        connection.abort()


async def test_permissions():
    """What is not allowed is said, and the connection stays."""
    heard = Heard()
    async with scripted(
        b"INFO {}\r\n", b"", b"PONG\r\n-ERR 'Permissions Violation for Publish to \"x\"'\r\n"
    ) as server:
        connection = await opened(server, heard)
        await eventually(lambda: heard.complaints)
        assert heard.complaints == ['Permissions Violation for Publish to "x"']
        assert not connection.lost.done()
        connection.abort()
        async with asyncio.timeout(DEADLINE):
            await connection.lost
