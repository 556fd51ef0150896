"""Waiting in tests: for a condition, with a generous deadline, never for a time."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Seconds. The longest that tests wait for is the start of an appliance: 7 s on two quiet cores, and 20 to 30 s where
# fifteen other processes want them. A test that passes never waits so long.
DEADLINE = 60.0
_STEP = 0.01


def until(condition: Callable[[], T | None], what: str = "a condition", seconds: float = DEADLINE) -> T:
    """The first true value of `condition()`; fails after `seconds`. Blocks: for tests that are no coroutines."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} seconds in vain for {what}")
        time.sleep(_STEP)
    return value


async def eventually(condition: Callable[[], T | None], what: str = "a condition", seconds: float = DEADLINE) -> T:
    """As `until`, and the event loop continues meanwhile."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} seconds in vain for {what}")
        await asyncio.sleep(_STEP)
    return value
