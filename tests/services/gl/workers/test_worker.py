"""The requests of the parent, as one worker carries them out."""

import asyncio
import socket

import uvloop

from services.gl.workers.balance import Counts
from services.gl.workers.worker import Worker

CONFIG = {"text": "{}", "name": "gl_config.json", "folder": None, "index": 0, "count": 2}


def test_a_cancelled_config_does_not_take_the_socket_of_the_next():
    """`cancel` is answered when what was prepared has ended, however long that takes."""

    async def run():
        ours, theirs = socket.socketpair()
        with ours, Counts.create() as file:
            worker = Worker(theirs, "gl", 0, Counts(file.fileno()).of(0))
            started, may_end = asyncio.Event(), asyncio.Event()

            async def prepare_config(_):
                started.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    await may_end.wait()

            worker._prepare_config = prepare_config
            preparing = asyncio.create_task(worker._prepare(CONFIG, [socket.socket()]))
            await started.wait()
            cancelling = asyncio.create_task(worker._cancel(None, []))
            for _ in range(5):
                await asyncio.sleep(0)
            assert not cancelling.done()
            may_end.set()
            await cancelling
            assert preparing.cancelled()

            taken = []

            async def take(_):
                taken.append(worker._passed.take("127.0.0.1", 1))

            worker._prepare_config = take
            given = socket.socket()
            await worker._prepare(CONFIG, [given])
            assert taken == [given]
            given.close()
            theirs.close()

    uvloop.run(run())


def test_a_request_that_ends_late_leaves_the_next_alone():
    """A request that has been replaced does not close the socket of the one after it."""

    async def run():
        ours, theirs = socket.socketpair()
        with ours, theirs, Counts.create() as file, socket.socket() as given:
            worker = Worker(theirs, "gl", 0, Counts(file.fileno()).of(0))
            gates = [asyncio.Event(), asyncio.Event()]
            waiting = list(gates)
            taken = []

            async def prepare_config(_):
                gate = waiting.pop(0)
                await gate.wait()
                if gate is gates[1]:
                    taken.append(worker._passed.take("127.0.0.1", 1))

            worker._prepare_config = prepare_config
            first = asyncio.create_task(worker._prepare(CONFIG, []))
            await asyncio.sleep(0)
            second = asyncio.create_task(worker._prepare(CONFIG, [given]))
            await asyncio.sleep(0)
            gates[0].set()
            await first
            gates[1].set()
            await second
            assert taken == [given]

    uvloop.run(run())
