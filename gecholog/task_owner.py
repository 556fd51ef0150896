"""The owner of a service's background tasks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

CANCEL_TIMEOUT_S = 5.0
"""Seconds that cancelled tasks have to end."""


class TaskOwner:
    """Owns the background tasks of a running service, which reports its health here as well.

    If a task fails, `failure` is its exception and `ending` is set: the service stops, with exit code 1.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._health_changed: Callable[[], None] | None = None
        self._refusal_changed: Callable[[str], None] | None = None
        self.ending = asyncio.Event()
        self.healthy = True
        self.off = False
        """Set by a service whose config leaves it nothing to do, before the end of `start` and of `reload`."""

    def set_healthy(self, *, healthy: bool) -> None:
        """Report whether the service is healthy while it serves; its checksum file exists only then. At first it is."""
        if healthy != self.healthy:
            self.healthy = healthy
            if self._health_changed is not None:
                self._health_changed()

    def on_health_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever `healthy` changes."""
        self._health_changed = changed

    def set_refusal(self, reason: str) -> None:
        """Report why the service has refused its config file on a reload; an empty string if it has not."""
        if self._refusal_changed is not None:
            self._refusal_changed(reason)

    def on_refusal(self, changed: Callable[[str], None]) -> None:
        """Call `changed` with the reason after each reload."""
        self._refusal_changed = changed

    def spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Run `work` as a background task of the service."""
        return self.adopt(asyncio.create_task(work, name=name))

    def adopt(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """Own a task that already runs, as if it had been spawned here."""
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
            self.ending.set()

    @property
    def failure(self) -> BaseException | None:
        """The exception of the first background task that failed; None if none did."""
        return self._failure

    async def cancel_all(self) -> None:
        """Cancel the background tasks, and wait until they have ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CANCEL_TIMEOUT_S)
