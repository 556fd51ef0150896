"""The channel between the parent and a worker."""

import asyncio
import contextlib
import errno
import os
import socket
from pathlib import Path

import pytest
import uvloop

from gecholog.errors import GechologError
from services.gl.workers.channel import CallFailed, CallTimedOut, Channel, ChannelClosed, ChannelError


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


@contextlib.asynccontextmanager
async def pair(handlers):
    """Two ends that run; the second has the handlers."""
    ends = socket.socketpair()
    one, two = Channel(ends[0], {}), Channel(ends[1], handlers)
    running = [asyncio.create_task(channel.run()) for channel in (one, two)]
    try:
        yield one, running
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def test_calls_and_errors():
    """Results and errors come back, large values too, and a slow call holds up no other."""
    released = asyncio.Event()

    async def echo(argument, _):
        return argument

    async def fail(argument, _):
        raise (GechologError if argument else ZeroDivisionError)("why")

    async def slow(_, __):
        await released.wait()
        return "late"

    async def run():
        async with pair({"echo": echo, "fail": fail, "slow": slow}) as (one, _):
            late = asyncio.create_task(one.call("slow", within=30))
            large = "é\ud800" * 1_000_000
            assert await one.call("echo", large, within=30) == large
            one.tell("echo", 1)
            with pytest.raises(CallFailed, match="why"):
                await one.call("fail", 1, within=30)
            with pytest.raises(CallFailed, match="ZeroDivisionError"):
                await one.call("fail", 0, within=30)
            with pytest.raises(CallFailed, match="no function gone"):
                await one.call("gone", within=30)
            with pytest.raises(CallTimedOut):
                await one.call("slow", within=0.01)
            released.set()
            assert await late == "late"

    uvloop.run(run())


def test_sockets_without_free_descriptors(monkeypatch):
    """The call fails, leaves no descriptor open, and leaves nothing to wait for."""

    async def run():
        async with pair({}) as (one, _):
            sockets = [socket.socket(), socket.socket()]
            before = open_descriptors()
            free = [os.dup]

            def dup(descriptor):
                if not free:
                    raise OSError(errno.EMFILE, "Too many open files")
                return free.pop()(descriptor)

            with monkeypatch.context() as patch:
                patch.setattr(os, "dup", dup)
                with pytest.raises(ChannelError, match="Too many open files"):
                    await one.call("take", sockets=sockets, within=30)
            with pytest.raises(ValueError, match="too long"):
                await one.call("take", sockets=sockets * 5, within=30)
            assert open_descriptors() == before
            assert not one._pending
            for each in sockets:
                each.close()

    uvloop.run(run())


def test_sockets():
    """A listening socket arrives with its message. It blocks in no process, and the sender may close its own."""
    given = []

    async def take(argument, sockets):
        given.extend(sockets)
        return argument

    async def run():
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            address = listening.getsockname()
            async with pair({"take": take}) as (one, _):
                assert await one.call("take", "x" * 500_000, [listening, listening], within=30) == "x" * 500_000
        first, second = given
        with first, second, socket.create_connection(address):
            assert first.getsockname() == second.getsockname() == address
            first.accept()[0].close()
            with pytest.raises(BlockingIOError):
                first.accept()

    uvloop.run(run())


def test_end():
    """When the other process ends, calls fail at once, and so do later ones."""

    async def never(_, __):
        await asyncio.Event().wait()

    async def run():
        async with pair({"never": never}) as (one, running):
            with pytest.raises(CallFailed):
                await one.call("gone", within=30)
            waiting = asyncio.create_task(one.call("never", within=30))
            running[1].cancel()
            with pytest.raises(ChannelClosed):
                await waiting
            await running[0]
            with pytest.raises(ChannelClosed):
                await one.call("never", within=30)
            one.tell("never", None)

    uvloop.run(run())
