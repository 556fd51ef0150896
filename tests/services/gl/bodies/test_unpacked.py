"""Compressed request bodies: unpacked within limits, and counted while their calls last."""

import asyncio
import gzip
import zlib

import pytest

from services.gl.bodies.unpacked import UnpackedBytes, unpack
from services.gl.errors import Refusal
from services.gl.limits import Limits

MIB = 1024 * 1024
LIMITS = Limits(request_body=4 * MIB, inflight_body=20 * MIB)  # a quarter: 5 MiB
ZEROS = gzip.compress(bytes(3 * MIB))


async def test_what_is_held_is_given_back():
    """A large body counts until the task of its call has ended; a second one has no room beside it."""
    count, begun, done = UnpackedBytes(), asyncio.Event(), asyncio.Event()

    async def call():
        assert await unpack(ZEROS, "gzip", LIMITS, count) == bytes(3 * MIB)
        begun.set()
        await done.wait()

    task = asyncio.create_task(call())
    await begun.wait()
    assert count.held == 3 * MIB
    with pytest.raises(Refusal, match="no room") as refused:
        await unpack(ZEROS, "gzip", LIMITS, count)
    assert (refused.value.status, refused.value.detail.retry_after) == (503, 1)
    done.set()
    await task
    await asyncio.sleep(0)
    assert count.held == 0


async def test_one_body_always_fits():
    """Also one that is larger than the share of the budget."""
    count = UnpackedBytes()
    small = Limits(request_body=4 * MIB, inflight_body=MIB)
    assert len(await unpack(ZEROS, "gzip", small, count)) == 3 * MIB


@pytest.mark.parametrize(
    ("body", "encoding", "status", "words"),
    [
        (gzip.compress(bytes(4 * MIB + 1)), "gzip", 413, "larger than 4194304 bytes when it is unpacked"),
        (gzip.compress(gzip.compress(bytes(90 * MIB))), "gzip, gzip", 413, "larger than"),
        (gzip.compress(b"x")[:-4], "gzip", 400, "cut off"),
        (b"{}", "gzip", 400, "broken"),
        (b"{}", "weird", 400, "unknown content encoding 'weird'"),
    ],
    ids=["large", "twice", "cut off", "no gzip", "unknown"],
)
async def test_refusals(body, encoding, status, words):
    """What is too large, broken or unknown; nothing stays counted."""
    count = UnpackedBytes()
    with pytest.raises(Refusal, match=words) as refused:
        await unpack(body, encoding, LIMITS, count)
    assert (refused.value.status, count.held) == (status, 0)


async def test_small_bodies_are_not_counted():
    """They may have any encoding, or several."""
    count = UnpackedBytes()
    assert await unpack(zlib.compress(gzip.compress(b"{}")), "gzip, deflate", LIMITS, count) == b"{}"
    assert count.held == 0
