"""Waiting in tests: for a condition, with a generous deadline, never for a time."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE = 90.0  # seconds: long enough for a loaded machine, and a test that passes never waits for it
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
