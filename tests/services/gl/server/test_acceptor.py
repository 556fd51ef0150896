"""New connections: counted from the accept on, limited in number and time, with and without TLS."""

import asyncio
import contextlib
import socket
import ssl

import pytest
import trustme
import uvloop

from services.gl.limits import Limits
from services.gl.server.acceptor import Acceptor, NoBalance
from services.gl.server.listener import Listener, bind

REQUEST = b"GET /x HTTP/1.1\r\nHost: g\r\n\r\n"


async def answer(exchange):
    """A handler that answers each request."""
    exchange.start(200, {}, 2)
    exchange.write(b"ok")
    exchange.finish()


@contextlib.asynccontextmanager
async def listening(tls=None, open_files=None, **limits):
    """A listener on a free port, and its port."""
    listener = Listener(answer, Limits(**limits), open_files)
    bound = bind("127.0.0.1", 0)
    listener.open(bound, tls)
    try:
        yield listener, bound.getsockname()[1]
    finally:
        listener.retire()
        await listener.finished(1.0)
        bound.close()


@pytest.fixture(scope="module")
def contexts():
    """The TLS contexts of a server and of a client that believes it."""
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)
    return server, client


def run(work):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(work, 30))


async def until(condition):
    while not condition():  # noqa: ASYNC110 - the listener tells nobody
        await asyncio.sleep(0.01)


async def reply(port, tls=None):
    """The status line of a reply on a new connection; what came if there is none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    writer.write(REQUEST)
    try:
        return (await reader.readuntil(b"\r\n")).split(b" ")[1]
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    finally:
        writer.close()


def test_silent_connections_count_and_are_closed_in_time(contexts):
    """Connections that do not speak TLS count as others do, and have only so much time for it."""
    server, client = contexts

    async def work():
        async with listening(server, connections=3, handshake_time=1.0) as (listener, port):
            silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            await until(lambda: len(listener.connections) == 3)
            for _ in range(20):  # one too many is closed, and not left waiting
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
                writer.close()
            assert len(listener.connections) == 3
            for reader, writer in silent:
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
                writer.close()
            await until(lambda: not listener.connections)
            assert await reply(port, client) == b"200"

    run(work())


def test_clients_that_leave_in_the_handshake(contexts):
    """They are not counted for longer than they are there."""
    server, client = contexts

    async def work():
        async with listening(server, connections=2) as (listener, port):
            for _ in range(20):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"\x16\x03\x01\x02\x00")
                await until(lambda: len(listener.connections) == 1)
                writer.transport.abort()
                await until(lambda: not listener.connections)
            assert await reply(port, client) == b"200"

    run(work())


def test_calls_go_on_beside_silent_connections(contexts):
    """A connection in its handshake holds up no other one."""
    server, client = contexts

    async def work():
        async with listening(server) as (listener, port):
            silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
            assert [await reply(port, client) for _ in range(5)] == [b"200"] * 5
            assert len(listener.connections) >= 50
            for _, writer in silent:
                writer.close()

    run(work())


def test_one_connection_too_many_is_told():
    """Without TLS it is answered with 503; so is each until there is room again."""

    async def work():
        async with listening(connections=2) as (listener, port):
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            await until(lambda: len(listener.connections) == 2)
            assert [await reply(port) for _ in range(5)] == [b"503"] * 5
            for _, writer in held:
                writer.close()
            await until(lambda: not listener.connections)
            assert await reply(port) == b"200"

    run(work())


def test_connections_that_are_told_have_a_limit_themselves():
    """Of a flood only some have time to read it; the others are closed at once, so that descriptors are left."""

    async def work():
        async with listening(connections=2) as (listener, port):
            pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
            await until(lambda: len(listener.connections) == 2 + 32)
            told = 0
            for reader, writer in pairs[2:]:
                with contextlib.suppress(ConnectionError):
                    told += (await reader.read()).startswith(b"HTTP/1.1 503 ")
                writer.close()
            assert told == 98
            for _, writer in pairs[:2]:
                writer.close()

    run(work())


def test_open_files_lower_the_limit():
    """Without descriptors for more, there are fewer connections than the config allows."""

    async def work():
        async with listening(connections=10_000, open_files=100) as (listener, port):
            assert listener.most_connections == 8
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
            await until(lambda: len(listener.connections) == 8)
            assert await reply(port) == b"503"
            for _, writer in held:
                writer.close()

    run(work())


class Exhausted:
    """A listening socket of a process that has no descriptor left, for some time."""

    def __init__(self, real, times):
        self._real = real
        self.times = times
        self.accepts = 0

    def accept(self):
        self.accepts += 1
        if self.accepts <= self.times:
            raise OSError(24, "Too many open files")
        return self._real.accept()

    def __getattr__(self, name):
        return getattr(self._real, name)


def test_no_descriptor_left():
    """The listener waits a moment instead of asking over and over, and continues when there is one."""

    async def work():
        bound = bind("127.0.0.1", 0)
        bound.listen(8)
        exhausted = Exhausted(bound, 2)
        listener = Listener(answer, Limits())
        acceptor = Acceptor(exhausted, None, 10.0, listener, NoBalance())
        acceptor.start()
        assert await reply(bound.getsockname()[1]) == b"200"
        assert exhausted.accepts <= 6
        acceptor.stop()
        await listener.finished(1.0)

    run(work())


def test_keep_alive_probes_are_sent():
    """An accepted socket has TCP's keep-alive: NAT devices forget silent connections."""
    with contextlib.closing(bind("127.0.0.1", 0)) as bound:
        bound.listen(1)
        with socket.create_connection(bound.getsockname()), contextlib.closing(bound.accept()[0]) as accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
