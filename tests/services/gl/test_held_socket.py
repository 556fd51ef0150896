"""One gateway follows another on a socket that the service manager holds."""

import asyncio
import socket
from types import SimpleNamespace

import pytest

from gecholog.held_sockets import VARIABLE
from services.gl.limits import Limits
from services.gl.listening.listeners import Listeners
from services.gl.server.listener import plain

REQUEST = b"GET /x HTTP/1.1\r\nHost: g\r\n\r\n"


@pytest.fixture
def port(monkeypatch):
    """The port of the held socket."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        monkeypatch.setenv(VARIABLE, str(held.fileno()))
        yield held.getsockname()[1]


def gateway(port, name):
    """Listeners that answer with their name."""

    async def answer(exchange):
        exchange.start(200, {}, len(name))
        exchange.write(name)
        exchange.finish()

    config = SimpleNamespace(
        listener=SimpleNamespace(host="127.0.0.1", port=port, tls_files=None), ingress_tls=None, limits=Limits()
    )
    listeners = Listeners(answer, plain)
    listeners.bind(config)
    return listeners


async def connected(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    return reader, writer


async def answer_of(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    return head, await reader.readexactly(3)


async def test_one_after_the_other(port):
    """A request on an idle connection is answered by the old one, and who connects meanwhile waits for the new one."""
    old = gateway(port, b"old")
    old.start(None)
    reader, writer = await connected(port)
    assert (await answer_of(reader))[1] == b"old"

    stopping = asyncio.create_task(old.stop(30.0))
    await asyncio.sleep(0)
    assert not stopping.done()
    writer.write(REQUEST)
    head, body = await answer_of(reader)
    assert (b"Connection: close" in head, body) == (True, b"old")
    waiting, other = await connected(port)
    await stopping

    new = gateway(port, b"new")
    new.start(None)
    assert (await answer_of(waiting))[1] == b"new"
    writer.close()
    other.close()
    await new.stop(0.0)


async def test_without_such_a_socket(port, monkeypatch):
    """Idle connections are closed at once."""
    monkeypatch.delenv(VARIABLE)
    alone = gateway(0, b"old")
    alone.start(None)
    reader, writer = await connected(alone._socket.getsockname()[1])
    await answer_of(reader)
    await alone.stop(30.0)
    assert await reader.read() == b""
    writer.close()
