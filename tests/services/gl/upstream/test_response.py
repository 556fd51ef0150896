"""Responses of targets: broken framing, what follows a response, and that nothing of them is left to the collector."""

import asyncio
import contextlib
import gc
import threading
import time

import pytest
import uvloop

from gecholog.tls import OutboundTls, outbound_context
from services.gl.errors import UpstreamError
from services.gl.routing.routers import Timeouts
from services.gl.upstream.connection import UpstreamConnection
from services.gl.upstream.pool import Pool
from services.gl.upstream.proxy import Proxies
from services.gl.upstream.response import StreamedResponse
from tests.services.gl.rig.raw import RawTarget, answer, body_of, head_of, request, whole_request
from tests.support.waiting import DEADLINE, eventually

loops = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
CHUNKED = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b"HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\n"


def new_pool():
    return Pool(outbound_context(OutboundTls()), Proxies())


async def everything(response):
    body = b""
    while piece := await response.read():
        body += piece
    return body


def playing(*pieces, close=False):
    """A target that answers each request on a connection with the same pieces."""

    def script(connection, _):
        while whole_request(connection):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.05 if len(pieces) > 1 else 0)  # so that they come one by one
            if close:
                return

    def closing(connection, number):
        script(connection, number)
        connection.close()

    return closing if close else script


async def sent(pool, target, body=b"{}", method="POST", **timeouts):
    async with asyncio.timeout(DEADLINE):
        return await pool.send(request(target.url, body, method, Timeouts(**timeouts)))


@loops
@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (CHUNKED + b"zz\r\n", "chunk size"),
        (CHUNKED + b"-1\r\nx", "chunk size"),
        (CHUNKED + b"fffffffffffffffff1\r\n", "overflow"),
        (CHUNKED + b"5;\x00\r\n", "not HTTP"),
        (b"HTTP/1.1 200 X\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 X\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "not HTTP"),
        (b"HTTP/1.1 200 X\r\nContent-Length: -5\r\n\r\nhello", "not HTTP"),
        (b"HTTP/1.1 200 X\r\nContent-Length: 99999999999999999999999\r\n\r\nhello", "not HTTP"),
        (b"HTTP/1.1 200 X\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "transfer coding"),
        (
            b"HTTP/1.1 200 X\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "transfer coding",
        ),
        (b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "switched protocols"),
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
        (b"HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n", "status 0"),
        (b"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n", "status 99"),
    ],
)
def test_broken_before_the_first_byte_of_the_body(run, wire, reason):
    """In one packet with the head: there is no response, and the reason is said."""

    async def scene(target):
        with pytest.raises(
            UpstreamError, check=lambda error: error.status == 502 and reason in error.reason.lower() + error.reason
        ):
            await sent(new_pool(), target)

    with RawTarget(playing(wire)) as target:
        run(scene(target))


@loops
@pytest.mark.parametrize(
    ("pieces", "close"),
    [([CHUNKED, b"zz\r\n"], False), ([CHUNKED], True), ([LONG], True), ([CHUNKED + b"5\r\n"], True)],
    ids=["chunk size", "closed, chunked", "closed, length", "closed in a chunk"],
)
def test_broken_behind_the_head(run, pieces, close):
    """No byte of the body has come: the first `read` fails, or `send` if the head was not looked at yet."""

    async def scene(target):
        with pytest.raises(UpstreamError, check=lambda error: error.status == 502 and error.reason):
            await (await sent(new_pool(), target)).read()

    with RawTarget(playing(*pieces, close=close)) as target:
        run(scene(target))


@loops
@pytest.mark.parametrize("endless", [b"0\r\nX: ", b"0\r\n", b"1;"], ids=["trailer", "trailers", "extension"])
def test_what_is_thrown_away_has_an_end(run, endless):
    """Trailers and chunk extensions are gathered by the parser: a target must not make it gather endlessly."""
    filler = b"X: y\r\n" * 50_000 if endless == b"0\r\n" else b"x" * 300_000

    def script(connection, _):
        whole_request(connection)
        with contextlib.suppress(OSError):  # it is closed meanwhile
            connection.sendall(CHUNKED + b"5\r\nhello\r\n" + endless)
            for _ in range(200):
                connection.sendall(filler)

    async def scene(target):
        response = await sent(new_pool(), target)
        with pytest.raises(UpstreamError, check=lambda error: "too large" in error.reason):
            await everything(response)

    with RawTarget(script) as target:
        run(scene(target))


@loops
def test_chunks_of_one_byte(run):
    """The smallest chunks are no trailers, however many they are."""

    async def scene(target):
        response = await sent(new_pool(), target)
        assert await everything(response) == b"x" * 300_000

    with RawTarget(playing(CHUNKED + b"1\r\nx\r\n" * 300_000 + b"0\r\n\r\n", close=True)) as target:
        run(scene(target))


@loops
def test_broken_in_the_body(run):
    """What came is handed on, then `read` fails, as often as it is asked."""
    going_on = threading.Event()

    def script(connection, _):
        whole_request(connection)
        connection.sendall(CHUNKED + b"5\r\nhello\r\n")
        going_on.wait(DEADLINE)
        connection.sendall(b"zz\r\n")

    async def scene(target):
        response = await sent(new_pool(), target)
        assert await response.read() == b"hello"
        going_on.set()
        for _ in range(2):
            with pytest.raises(UpstreamError, check=lambda error: "chunk size" in error.reason):
                await response.read()

    with RawTarget(script) as target:
        run(scene(target))


@loops
@pytest.mark.parametrize("excess", [b"x", b"\r\n\r\nHTTP/1.1", b"\x00", answer(b"second"), b"0\r\n\r\n"])
@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_bytes_that_follow_an_answer(run, excess, method):
    """The response stands; its connection is not used again."""
    wire = answer(b"first") if method == "POST" else b"HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\n"

    def script(connection, number):
        while whole_request(connection):
            connection.sendall(wire + excess if number == 1 else wire)

    async def scene(target):
        pool = new_pool()
        for _ in range(2):
            response = await sent(pool, target, method=method)
            assert (response.status, await body_of(response)) == (200, b"first" if method == "POST" else b"")
        pool.retire()

    with RawTarget(script) as target:
        run(scene(target))
        assert target.connections == 2


class Uncollected:
    """Counts answers and connections that only the collector would find."""

    def __enter__(self):
        gc.collect()
        gc.freeze()  # what earlier tests have left would be walked in each of these: a second of CPU in a whole run
        gc.disable()
        self._flags = gc.get_debug()
        return self

    def __exit__(self, *_):
        gc.enable()
        gc.set_debug(self._flags)
        gc.garbage.clear()

    def found(self):
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(self._flags)
        left = [
            type(each).__name__
            for each in gc.garbage
            if isinstance(each, StreamedResponse | UpstreamConnection | UpstreamError)
        ]
        gc.garbage.clear()
        return left


async def whole(pool, target):
    response = await sent(pool, target)
    await body_of(response)


async def uploaded(pool, target):
    response = await sent(pool, target, bytes(300_000))
    assert (response.status, await body_of(response)) == (401, b"no")


async def abandoned(pool, target):
    (await sent(pool, target)).abandon()


async def failed(pool, target):
    with pytest.raises(UpstreamError):
        await body_of(await sent(pool, target, first_byte=0.2, between_chunks=0.2))


async def cancelled(pool, target):
    calling = asyncio.create_task(sent(pool, target))
    await eventually(lambda: target.connections)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling


def silent(connection, _):
    whole_request(connection)
    connection.recv(1)


def refusing(connection, _):
    head_of(connection)
    connection.sendall(answer(b"no", 401))
    connection.recv(1)


@loops
@pytest.mark.parametrize(
    ("script", "ending"),
    [
        (playing(answer()), whole),
        (playing(CHUNKED + b"1\r\na\r\n0\r\n\r\n"), whole),
        (playing(b"HTTP/1.1 200 X\r\n\r\nall", close=True), whole),
        (playing(answer(b"no", 401, "Connection: close"), close=True), whole),
        (refusing, uploaded),
        (playing(CHUNKED + b"1\r\na\r\n"), abandoned),
        (playing(CHUNKED + b"1\r\na\r\n"), failed),
        (playing(CHUNKED + b"zz\r\n"), failed),
        (playing(LONG, b"he", close=True), failed),
        (silent, failed),
        (silent, cancelled),
    ],
    ids=[
        "length",
        "chunked",
        "until close",
        "close",
        "early",
        "abandoned",
        "late chunk",
        "bad chunk",
        "broken off",
        "late head",
        "cancelled",
    ],
)
def test_nothing_is_left_to_the_collector(run, script, ending):
    """However a call ends, its response, its errors and a connection that was closed are freed at once."""

    async def scene(target, watch):
        pool = new_pool()
        for _ in range(3):
            await ending(pool, target)
        pool.retire()
        for host in pool._hosts.values():
            await eventually(lambda host=host: not host.connections)
        await asyncio.sleep(0)
        return watch.found()

    with RawTarget(script) as target, Uncollected() as watch:
        assert run(scene(target, watch)) == []


@loops
def test_what_was_put_back_is_read_again(run):
    """In its place before the rest, also if nobody waited for the rest in the meantime."""
    goes_on = threading.Event()

    def script(connection, _):
        whole_request(connection)
        connection.sendall(CHUNKED + b"3\r\none\r\n")
        goes_on.wait(DEADLINE)
        connection.sendall(b"3\r\ntwo\r\n0\r\n\r\n")
        connection.close()

    async def scene(target):
        pool = new_pool()
        response = await sent(pool, target, between_chunks=DEADLINE)
        assert await response.read() == b"one"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await response.read()
        response.unread(b"one")
        response.unread(b"")
        assert await response.read() == b"one"
        goes_on.set()
        assert await everything(response) == b"two"
        pool.retire()
        await asyncio.sleep(0)  # closing takes a turn of the event loop, which is closed behind this

    with RawTarget(script) as target:
        run(scene(target))


def one_by_one(asked, *pieces):
    """A target that sends the beginning of a stream, and the next piece whenever it is asked for one."""

    def script(connection, _):
        whole_request(connection)
        connection.sendall(CHUNKED + b"5\r\nbegun\r\n")
        for piece in pieces:
            asked.acquire(timeout=DEADLINE)
            connection.sendall(piece)

    return script


@contextlib.asynccontextmanager
async def begun(target, **timeouts):
    pool = new_pool()
    response = await sent(pool, target, **timeouts)
    assert await response.read() == b"begun"
    yield response
    response.abandon()
    pool.retire()
    for host in pool._hosts.values():
        await eventually(lambda host=host: not host.connections)


@loops
def test_what_arrives_is_given_where_it_arrives(run):
    """The reader sleeps on, also through the time between two chunks, until the end of the body is here."""
    asked, taken = threading.Semaphore(0), []

    def take(piece):
        taken.append(piece)
        asked.release()

    async def scene(target):
        async with begun(target, between_chunks=DEADLINE) as response:
            asked.release()
            assert await response.read(take) == b"four"
            assert taken == [b"one", b"two", b"three"]
            assert await response.read(take) == b""

    pieces = (b"3\r\none\r\n", b"3\r\ntwo\r\n", b"5\r\nthree\r\n", b"4\r\nfour\r\n0\r\n\r\n")
    with RawTarget(one_by_one(asked, *pieces)) as target:
        run(scene(target))


@loops
def test_one_who_takes_and_has_to_wait(run):
    """What arrives meanwhile is kept for the reader; then the rest is given away again."""
    asked, taken = threading.Semaphore(0), []

    async def scene(target):
        free = asyncio.get_running_loop().create_future()

        def take(piece):
            taken.append(piece)
            asked.release()
            return free if piece == b"one" else None

        async with begun(target) as response:
            reading = asyncio.create_task(response.read(take))
            await asyncio.sleep(0)
            asked.release()
            await eventually(lambda: response._pieces == [b"two"])
            free.set_result(None)
            assert await reading == b"two"
            asked.release()
            assert await response.read(take) == b""
            assert taken == [b"one", b"three"]

    pieces = (b"3\r\none\r\n", b"3\r\ntwo\r\n", b"5\r\nthree\r\n", b"0\r\n\r\n")
    with RawTarget(one_by_one(asked, *pieces)) as target:
        run(scene(target))


@loops
def test_one_who_fails_to_take(run):
    """The reader gets the error, and the response goes on for it."""
    asked = threading.Semaphore(0)

    def take(_):
        raise ZeroDivisionError

    async def scene(target):
        async with begun(target) as response:
            asked.release()
            with pytest.raises(ZeroDivisionError):
                await response.read(take)
            asked.release()
            assert await response.read() == b"two"

    with RawTarget(one_by_one(asked, b"3\r\none\r\n", b"3\r\ntwo\r\n0\r\n\r\n")) as target:
        run(scene(target))


@loops
def test_nothing_is_given_after_a_reader_has_left(run):
    """A task that was cancelled has taken its leave: what arrives later is kept."""
    asked, taken = threading.Semaphore(0), []

    async def scene(target):
        async with begun(target, between_chunks=DEADLINE) as response:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await response.read(taken.append)
            asked.release()
            await eventually(lambda: response._pieces == [b"one"])
            assert not taken

    with RawTarget(one_by_one(asked, b"3\r\none\r\n")) as target:
        run(scene(target))
