"""A config put in force by several workers: all prepare it, which may fail, and only then do all switch to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gecholog.errors import GechologError
from services.gl.workers.channel import ChannelClosed, ChannelError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gecholog.task_owner import TaskOwner
    from services.gl.workers.process import WorkerProcess

_SWITCH_WITHIN_S = 1.0  # a worker that takes longer is blocked, and answers no calls meanwhile


class WorkerGone(GechologError):
    """A worker has ended while it prepared a config."""


async def prepare(members: Sequence[WorkerProcess], prepared: Callable[[WorkerProcess], Awaitable[None]]) -> None:
    """Have all workers prepare a config; `prepared` is the coroutine function that has one do so.

    Raises GechologError with the reason of the first that cannot, WorkerGone if one has ended.
    """
    results = await asyncio.gather(*map(prepared, members), return_exceptions=True)
    failed = [
        (worker, result) for worker, result in zip(members, results, strict=True) if isinstance(result, BaseException)
    ]
    for worker, error in failed:
        if isinstance(error, ChannelClosed):
            raise WorkerGone(f"worker {worker.index} has ended")
        if not isinstance(error, ChannelError):
            raise error
    for worker, error in failed:
        raise GechologError(f"worker {worker.index}: {error}")


async def commit(members: Sequence[WorkerProcess], owner: TaskOwner) -> None:
    """Have all workers switch, and return when they have, except those that are blocked: these do it later."""
    switching = [asyncio.create_task(worker.commit(), name=f"switch of worker {worker.index}") for worker in members]
    _, late = await asyncio.wait(switching, timeout=_SWITCH_WITHIN_S)
    for task in late:
        owner.adopt(task)


async def cancel(members: Sequence[WorkerProcess]) -> None:
    """Have workers discard what they have prepared."""
    await asyncio.gather(*(worker.cancel() for worker in members if worker.is_running))
