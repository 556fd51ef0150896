"""The buffer between bus and destination."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from services.nats2log.buffer import Buffer
from services.nats2log.entry import RecordEntry


@given(st.lists(st.integers(0, 50)), st.integers(1, 10), st.integers(1, 100))
def test_all_in_order(sizes, most, most_bytes):
    """All entries come out once, in order, in parts within the limits."""
    buffer = Buffer()
    entries = [RecordEntry(b"x" * size, str(number)) for number, size in enumerate(sizes)]
    for entry in entries:
        buffer.add(entry)
    assert (len(buffer), buffer.bytes) == (len(sizes), sum(sizes))
    out = []
    while len(buffer):
        part = buffer.take_now(most, most_bytes)
        assert 0 < len(part) <= most
        assert sum(len(entry.data) for entry in part[:-1]) < most_bytes
        out += part
    assert out == entries
    assert buffer.bytes == 0


async def test_waits_for_the_first():
    """`take` returns as soon as there is an entry."""
    buffer = Buffer()
    taking = asyncio.create_task(buffer.take(10, 10))
    await asyncio.sleep(0)
    assert not taking.done()
    entry = RecordEntry(b"x")
    buffer.add(entry)
    assert await taking == [entry]


async def test_comes_back_empty():
    """`take` returns after its timeout, and when it is woken."""
    buffer = Buffer()
    assert await buffer.take(10, 10, 0.01) == []
    taking = asyncio.create_task(buffer.take(10, 10))
    await asyncio.sleep(0)
    buffer.wake()
    assert await taking == []
