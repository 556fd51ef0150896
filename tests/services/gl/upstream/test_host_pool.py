"""The limit of connections to a host: who gets one, and in which order."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gecholog.deadline_timer import NEVER, DeadlineTimer
from services.gl.upstream.host_pool import HostPool


class FakeConnection:
    """A connection as the pool sees it."""

    closed = False
    idle_since = 0.0

    def __init__(self, pool):
        self._pool = pool
        pool.opened(self)

    def close(self):
        if not self.closed:
            self.closed = True
            self._pool.closed(self)


@pytest.fixture
async def pool():
    return HostPool(asyncio.get_running_loop(), DeadlineTimer(lambda _: NEVER))


async def opened(pool, most):
    """A connection that was opened within the limit."""
    assert await pool.acquire(most) is None
    connection = FakeConnection(pool)
    pool.release()
    return connection


async def waiting(pool, most):
    """A request that waits for a connection."""
    task = asyncio.create_task(pool.acquire(most))
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_first_come_first_served(pool):
    """Idle connections are handed over in the order in which requests began to wait."""
    one, two = await opened(pool, 2), await opened(pool, 2)
    tasks = [await waiting(pool, 2) for _ in range(3)]
    pool.idle(two)
    pool.idle(one)
    assert [await task for task in tasks[:2]] == [two, one]
    assert not tasks[2].done()
    one.close()
    assert await tasks[2] is None  # it may open another one


async def test_a_connection_that_cannot_be_opened(pool):
    """Its place is for the next request."""
    assert await pool.acquire(1) is None
    task = await waiting(pool, 1)
    pool.release()
    assert await task is None


@pytest.mark.parametrize("granted", [False, True])
async def test_a_request_that_goes(pool, granted):
    """What it waited for, or was granted just now, is for the next one."""
    connection = await opened(pool, 1)
    first, second = await waiting(pool, 1), await waiting(pool, 1)
    if granted:
        pool.idle(connection)
    first.cancel()
    await asyncio.wait({first})
    assert first.cancelled()
    if not granted:
        pool.idle(connection)
    assert await second is connection


async def test_the_right_to_open_goes_on(pool):
    """The same for the right to open a connection."""
    connection = await opened(pool, 1)
    first, second = await waiting(pool, 1), await waiting(pool, 1)
    connection.close()
    first.cancel()
    assert await second is None


async def test_a_connection_that_closes_when_it_is_handed_over(pool):
    """The request opens another one."""
    connection = await opened(pool, 1)
    task = await waiting(pool, 1)
    pool.idle(connection)
    connection.close()
    assert await task is None


async def test_different_limits(pool):
    """Two providers may share a host: each keeps its own limit."""
    await opened(pool, 1)
    low = await waiting(pool, 1)
    high = await waiting(pool, 2)  # behind the first one, although there would be room
    low.cancel()
    await asyncio.wait({low})
    assert await high is None


async def test_without_a_limit(pool):
    """Requests without a limit neither wait nor are counted before they are connected."""
    connection = await opened(pool, 1)
    assert pool.take() is None
    FakeConnection(pool)
    task = await waiting(pool, 1)
    connection.close()
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()


async def idle(pool, waiters, used, *, fails=False):
    """Let requests continue until all that still wait have to. The first that may open a connection `fails` at that."""
    while True:
        for _ in range(3):
            await asyncio.sleep(0)
        finished = [task for task in waiters if task.done()]
        if not finished:
            return
        for task in finished:
            waiters.remove(task)
            connection = task.result()
            if connection is None:
                if not fails:
                    used.append(FakeConnection(pool))
                fails = False
                pool.release()
            else:
                used.append(connection)


@settings(deadline=None)
@given(st.integers(1, 4), st.lists(st.sampled_from(["ask", "idle", "close", "fail", "leave"]), max_size=60))
def test_any_sequence(most, steps):
    """There are never more connections than allowed, and nobody waits while there could be another one."""

    async def run():
        pool = HostPool(asyncio.get_running_loop(), DeadlineTimer(lambda _: NEVER))
        waiters, used = [], []
        for step in [*steps, *["idle"] * 100]:
            if step in {"ask", "fail"}:
                waiters.append(asyncio.create_task(pool.acquire(most)))
            elif step in {"idle", "close"} and used:
                connection = used.pop(0)
                pool.idle(connection) if step == "idle" else connection.close()
            elif step == "leave" and waiters:
                waiters.pop(0).cancel()
            await idle(pool, waiters, used, fails=step == "fail")
            assert len(pool.connections) <= most
            assert not waiters or len(used) == most
        assert not waiters

    asyncio.run(run())
