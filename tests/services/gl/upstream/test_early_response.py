"""Targets that response before they have read the request: what becomes of the response, and of the connection."""

import asyncio
import hashlib
import socket
import ssl
import struct
import threading

import pytest
import uvloop

from gecholog.tls import OutboundTls, outbound_context
from services.gl.upstream.pool import Pool
from services.gl.upstream.proxy import Proxies
from tests.services.gl.rig.raw import RawTarget, answer, body_of, head_of, request, whole_request
from tests.support.waiting import DEADLINE, eventually

MIB = 1024 * 1024
loops = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def tls(request, tls_files):
    """The target's context, and None without TLS."""
    if not request.param:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_files.certificate, tls_files.private_key)
    return context


@pytest.fixture
def pool(tls_files):
    """Makes pools that believe the tests' authority."""
    outbound_tls = OutboundTls(system_cert_pool=False, cert_files=(str(tls_files.authority),))
    return lambda: Pool(outbound_context(outbound_tls), Proxies())


async def call(pool, target, body=b"", method="POST"):
    async with asyncio.timeout(DEADLINE):
        response = await pool.send(request(target.url, body, method))
        return response.status, await body_of(response)


class Early:
    """The first connection is answered by its head alone, and then left; later ones are read."""

    def __init__(self, first, *, after=None):
        self._first = first
        self._after = after
        self._over = threading.Event()

    def __call__(self, connection, number):
        if number == 1:
            head_of(connection)
            connection.sendall(self._first)
            (self._after or self._stay)(connection)
            return
        while whole_request(connection):
            connection.sendall(answer(b"second"))

    def _stay(self, _):
        self._over.wait(DEADLINE)

    def end(self):
        self._over.set()


def reset(connection):
    """Close with a TCP RST, as the kernel does when data is left unread."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@loops
@pytest.mark.parametrize("size", [20_000, 300_000, MIB, 5 * MIB], ids=["20k", "300k", "1M", "5M"])
def test_the_next_call_has_a_connection_of_its_own(run, pool, tls, size):
    """A target that refuses by the head and stays: the uploader gets the refusal, the next call another connection."""
    script = Early(answer(b"no", 401))

    async def scene(target):
        calls = pool()
        assert await call(calls, target, bytes(size)) == (401, b"no")
        assert await call(calls, target, b"{}") == (200, b"second")
        calls.retire()

    with RawTarget(script, tls) as target:
        run(scene(target))
        script.end()
        assert target.connections == 2


@loops
@pytest.mark.parametrize(
    ("method", "first", "expected"),
    [
        ("POST", answer(b"early"), (200, b"early")),
        ("POST", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + answer(b"early"), (200, b"early")),
        ("POST", b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", (200, b"a")),
        ("POST", b"HTTP/1.1 204 X\r\n\r\n", (204, b"")),
        ("POST", b"HTTP/1.1 304 X\r\n\r\n", (304, b"")),
        ("POST", answer(b"wait", 503), (503, b"wait")),
        ("HEAD", b"HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\n", (200, b"")),
    ],
    ids=["length", "interim", "chunked", "204", "304", "503", "head"],
)
def test_any_answer_to_a_request_that_is_not_sent(run, pool, tls, method, first, expected):
    """However the response ends, a connection that still holds a part of the request is not used again."""
    script = Early(first)

    async def scene(target):
        calls = pool()
        assert await call(calls, target, bytes(5 * MIB), method) == expected
        assert await call(calls, target, b"{}") == (200, b"second")
        calls.retire()

    with RawTarget(script, tls) as target:
        run(scene(target))
        script.end()
        assert target.connections == 2


@loops
@pytest.mark.parametrize("size", [20_000, 300_000, 5 * MIB], ids=["20k", "300k", "5M"])
def test_a_target_that_answers_and_resets(run, pool, size):
    """The response gets through, although writing the rest of the body fails."""
    script = Early(answer(b"too large", 413, "Connection: close"), after=reset)

    async def scene(target):
        assert await call(pool(), target, bytes(size)) == (413, b"too large")

    for _ in range(10):
        with RawTarget(script) as target:
            run(scene(target))


@loops
def test_a_target_that_answers_and_resets_while_the_rest_waits(run, pool, tls):
    """Over TLS as well: what is here is read before more is written."""

    def close(connection):
        sent.wait(DEADLINE)
        reset(connection)

    sent = threading.Event()
    script = Early(answer(b"too large", 413, "Connection: close"), after=close)

    async def scene(target):
        calls = pool()
        sending = asyncio.create_task(call(calls, target, bytes(20 * MIB)))
        assert await sending == (413, b"too large")
        sent.set()

    with RawTarget(script, tls) as target:
        run(scene(target))


@loops
def test_a_refused_body_is_not_sent_to_its_end(run, pool, tls):
    """After a refusal the rest stays here, even if the target continues reading."""
    taken = []

    def script(connection, _):
        head_of(connection)
        connection.sendall(b"HTTP/1.1 413 X\r\nContent-Length: 6\r\n\r\nno")
        while piece := connection.recv(65536):
            taken.append(len(piece))

    async def scene(target):
        calls = pool()
        response = await calls.send(request(target.url, bytes(64 * MIB)))
        assert (response.status, await response.read()) == (413, b"no")
        response.abandon()
        calls.retire()

    with RawTarget(script, tls) as target:
        run(scene(target))
    assert sum(taken) < 64 * MIB


@loops
def test_what_is_not_read_is_thrown_away(run, pool):
    """The connection is reset: the kernel does not keep the rest for a target that never reads it."""
    ends = []

    def read_later(connection):
        over.wait(DEADLINE)
        try:
            while connection.recv(1 << 20):
                pass
        except ConnectionResetError:
            ends.append("reset")

    over = threading.Event()
    script = Early(answer(b"no", 401), after=read_later)

    async def scene(target):
        calls = pool()
        assert await call(calls, target, bytes(5 * MIB)) == (401, b"no")
        (host,) = calls._hosts.values()
        await eventually(lambda: not host.connections)
        over.set()
        await eventually(lambda: ends)

    with RawTarget(script) as target:
        run(scene(target))


@loops
@pytest.mark.parametrize("status", [200, 429, 500])
def test_a_body_that_is_read(run, pool, tls, status):
    """Whole bodies of any size leave the connection for the next call."""

    def script(connection, _):
        while data := whole_request(connection):
            connection.sendall(answer(hashlib.sha256(data.split(b"\r\n\r\n", 1)[1]).hexdigest().encode(), status))

    async def scene(target):
        calls = pool()
        for size in (10, 100_000, 256 * 1024, 256 * 1024 + 1, 3 * MIB):
            body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
            assert await call(calls, target, body) == (status, hashlib.sha256(body).hexdigest().encode())
        calls.retire()

    with RawTarget(script, tls) as target:
        run(scene(target))
        assert target.connections == 1


@loops
def test_an_answer_that_begins_before_the_body_is_sent(run, pool, tls):
    """A target that answers while it reads gets all of the body, and the connection stays."""

    def script(connection, _):
        while head := head_of(connection):
            left = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            connection.sendall(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
            while left:
                piece = connection.recv(min(left, 1 << 18))
                if not piece:
                    return
                left -= len(piece)
                connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            connection.sendall(b"0\r\n\r\n")

    async def scene(target):
        calls = pool()
        body = bytes(range(256)) * 40_000
        for _ in range(2):
            assert await call(calls, target, body) == (200, body)
        calls.retire()

    with RawTarget(script, tls) as target:
        run(scene(target))
        assert target.connections == 1


@loops
def test_a_target_that_does_not_read(run, pool, tls):
    """Of a large body only some pieces wait in the transport; they are sent when the target reads."""
    going_on = threading.Event()

    def script(connection, _):
        head_of(connection)
        assert going_on.wait(DEADLINE)
        left = 40 * MIB
        while left and (piece := connection.recv(1 << 20)):
            left -= len(piece)
        connection.sendall(answer(b"%d" % left))

    async def scene(target):
        calls = pool()
        sending = asyncio.create_task(call(calls, target, bytes(40 * MIB)))
        await eventually(lambda: target.connections == 1)
        (host,) = calls._hosts.values()
        await eventually(lambda: host.connections)
        (connection,) = host.connections
        await eventually(lambda: connection._write_paused)
        assert connection._transport.get_write_buffer_size() < 2 * MIB
        assert len(connection._unsent) > 20 * MIB
        going_on.set()
        assert await sending == (200, b"0")
        calls.retire()

    with RawTarget(script, tls) as target:
        run(scene(target))
