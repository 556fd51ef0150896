"""Calls leave nothing behind that only the garbage collector could find: their bodies are free when they end."""

import asyncio
import gc
import ssl
from collections import Counter
from contextlib import contextmanager

import pytest
import trustme
import uvloop

from gecholog.session import Sessions
from gecholog.tls import OutboundTls, outbound_context
from services.gl import pipeline
from services.gl.call import Call
from services.gl.dispatch import route
from services.gl.errors import Refusal, UpstreamError
from services.gl.http import Disconnected
from services.gl.limits import Limits
from services.gl.server import Exchange
from services.gl.server.connection import ClientConnection
from services.gl.server.listener import Listener, bind
from services.gl.upstream import Pool, proxy
from services.gl.upstream.connection import StreamedResponse, UpstreamConnection
from tests.services.gl.rig.gateway import router
from tests.services.gl.rig.stage import FakeBus, FakeRecorder, built, deps
from tests.support.ports import free_port

KINDS = (Call, ClientConnection, Exchange, UpstreamConnection, StreamedResponse, Refusal, Disconnected, UpstreamError)
BODY = b"x" * 300_000


class Rig:
    """A listener, the pipeline and a pool in this process, without the bus."""

    def __init__(self, upstream, tls=None):
        self.config = built(
            [
                router("/service/", upstream.url),
                router("/locked/", upstream.url, required={"Api-Key": ["k"]}),
                router("/dead/", f"http://127.0.0.1:{free_port()}"),
                router("/late/", upstream.url, timeouts={"first_byte_ms": 50}),
                router("/between/", upstream.url, timeouts={"between_chunks_ms": 50}),
            ],
            limits={"request_body_bytes": 1_000_000},
        )
        self.pool = Pool(outbound_context(OutboundTls(insecure=True)), proxy.from_environment({}))
        self.deps = deps(FakeBus(), self.pool, FakeRecorder())
        self.sessions = Sessions("TST00001")
        self.listener = Listener(self.handle, Limits(request_body=1_000_000, request_head=4096))
        self.socket = bind("127.0.0.1", 0)
        self.listener.open(self.socket, tls)
        self.port = self.socket.getsockname()[1]

    def handle(self, exchange):
        found = route(self.config.routers, exchange.path)
        return pipeline.run(Call(self.config, exchange, exchange, found, self.sessions.ids("")), self.deps)

    async def close(self):
        self.listener.retire()
        await self.listener.finished(1.0)
        self.pool.retire()
        self.socket.close()


@contextmanager
def no_collector():
    """Without the collector; gives a function that counts what is left of a kind."""
    gc.collect()
    gc.freeze()  # what earlier tests have left is neither walked again nor counted
    gc.disable()
    before = count()
    try:
        yield lambda: count() - before  # a difference of counters has no zeros
    finally:
        gc.enable()


def count():
    return Counter(type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, KINDS))


def head(path, length, *lines):
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: g", f"Content-Length: {length}", *lines, "", ""]).encode()


async def ask(port, sent, tls=None, *, leave=False, reply=True):
    """One connection: send, read a reply whole, or leave."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    writer.write(sent)
    if leave:
        await asyncio.sleep(0.05)
        writer.transport.abort()
        return b""
    answer = b""
    if reply:
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
    writer.close()
    return answer


def hang(talk):
    talk.left()
    talk.over = True


def half(talk):
    talk.head("Content-Type: text/plain", "Content-Length: 1000")
    talk.send(b"half")
    talk.reset()


def half_and_hang(talk):
    talk.head("Content-Type: text/plain", "Transfer-Encoding: chunked")
    talk.chunk(b"half")
    hang(talk)


def stream(talk):
    talk.head("Content-Type: text/event-stream", "Transfer-Encoding: chunked")
    talk.chunk(b'data: {"choices":[]}\n\n' * 1000)
    talk.chunk(b"")


CASES = {
    # name: request, how the upstream behaves, whether the client leaves, what the reply begins with
    "plain": (head("/service/x", len(BODY)) + BODY, None, False, b"HTTP/1.1 200"),
    "refused for a key": (head("/locked/x", len(BODY)) + BODY, None, False, b"HTTP/1.1 401"),
    "refused for its size": (head("/service/x", 2_000_000), None, False, b"HTTP/1.1 413"),
    "malformed": (b"GET /service/x HTTP/1.1\r\nX Y: z\r\n\r\n", None, False, b"HTTP/1.1 400"),
    "malformed body": (
        b"POST /service/x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nno size\r\n",
        None,
        False,
        b"HTTP/1.1 400",
    ),
    "left in its body": (head("/service/x", len(BODY)) + BODY[:1000], None, True, b""),
    "left in its head": (b"GET /service/x HTTP/1.1\r\nHo", None, True, b""),
    "left while it waits": (head("/service/x", len(BODY)) + BODY, hang, True, b""),
    "left in the middle": (head("/service/x", len(BODY)) + BODY, half_and_hang, True, b""),
    "no upstream": (head("/dead/x", len(BODY)) + BODY, None, False, b"HTTP/1.1 502"),
    "late upstream": (head("/late/x", len(BODY)) + BODY, hang, False, b"HTTP/1.1 504"),
    "upstream closes": (head("/service/x", len(BODY)) + BODY, lambda talk: talk.reset(), False, b"HTTP/1.1 502"),
    "no HTTP from upstream": (head("/service/x", 2) + b"{}", lambda talk: talk.send(bytes(99)), False, b"HTTP/1.1 502"),
}
BROKEN = {"upstream breaks off": ("/service/x", half), "upstream stops": ("/between/x", half_and_hang)}


def run(work):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def left_after(upstream, once, tls=None):
    """What is left after ten times `once`, when all connections have ended and nothing was collected."""
    rig = Rig(upstream, tls)
    await once(rig)  # caches fill
    with no_collector() as left:
        for _ in range(10):
            await once(rig)
        rig.pool.retire()
        for _ in range(200):  # connections that are being closed have a little time
            if not (result := left()):
                break
            await asyncio.sleep(0.02)
    await rig.close()
    return result


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_left(upstream, name):
    """Of calls that are answered, refused, abandoned or fail, nothing waits for the collector."""
    sent, behaviour, leaves, begins = CASES[name]
    if behaviour:
        upstream.behaviour = behaviour

    async def once(rig):
        assert (await ask(rig.port, sent, leave=leaves)).startswith(begins)

    assert run(left_after(upstream, once)) == Counter()


@pytest.mark.parametrize("name", BROKEN)
def test_nothing_is_left_of_broken_answers(upstream, name):
    """Nor of calls whose response broke off."""
    path, upstream.behaviour = BROKEN[name]

    async def once(rig):
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(head(path, 2) + b"{}")
        while await reader.read(65536):
            pass
        writer.close()

    assert run(left_after(upstream, once)) == Counter()


def test_nothing_is_left_of_streams(upstream):
    """Nor of streams on a connection that is kept."""
    upstream.behaviour = stream

    async def once(rig):
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        for _ in range(3):
            writer.write(head("/service/x", 2) + b"{}")
            await reader.readuntil(b"0\r\n\r\n")
        writer.close()

    assert run(left_after(upstream, once)) == Counter()


@pytest.mark.parametrize("leaves", [False, True])
def test_nothing_is_left_over_tls(upstream, leaves):
    """Nor of calls over TLS."""
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)

    async def once(rig):
        await ask(rig.port, head("/service/x", len(BODY)) + BODY, client, leave=leaves)

    assert run(left_after(upstream, once, server)) == Counter()


def test_nothing_is_left_of_failed_handshakes(upstream):
    """Nor of connections that never spoke TLS."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)

    async def once(rig):
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.read()
        writer.close()

    assert run(left_after(upstream, once, server)) == Counter()
