"""Carries out the decisions of the byte budget that all uploads of a listener share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from services.gl.server.body_budget import BodyBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

READ_BYTES = 64 * 1024
"""Bytes that are read from a connection at a time."""

LARGE_READ_BYTES = 4 * READ_BYTES
"""The same for a body with announced length and room. A connection that sends this much at once waits for its turn."""


class Upload(Protocol):
    """Something that a client sends, and that is held in memory as a whole."""

    def resume(self) -> None:
        """Read on: there is room."""

    def refuse_stalled(self) -> None:
        """Refuse it: it has stalled while others wait."""

    def __hash__(self) -> int:
        """Hash by identity."""


class Uploads:
    """All uploads of a listener."""

    def __init__(self, total: int, clock: Callable[[], float]) -> None:
        """`total` is the budget in bytes, `clock` returns the time in seconds."""
        self._budget: BodyBudget[Upload] = BodyBudget(total)
        self._clock = clock
        self.reserve = self._budget.reserve  # as in BodyBudget; not wrapped, because every call uses them
        self.available = self._budget.available

    def resize(self, total: int) -> None:
        """Change the budget."""
        self._resume(self._budget.resize(total, self._clock()))

    def unreserve(self, size: int) -> None:
        """Free what `reserve` granted."""
        self._resume(self._budget.unreserve(size, self._clock()))

    def ask(self, upload: Upload, size: int | None, held: int) -> None:
        """Ask for an upload of `size` bytes (None: not announced), `held` of them here. Calls its `resume` then."""
        self._resume(self._budget.ask(upload, size, held, self._clock()))

    def received(self, upload: Upload, held: int) -> None:
        """Note that `held` bytes of an upload are here in total."""
        self._resume(self._budget.received(upload, held, self._clock(), READ_BYTES))

    def complete(self, upload: Upload, held: int) -> None:
        """Note that an upload is complete."""
        self._resume(self._budget.complete(upload, held, self._clock()))

    def release(self, upload: Upload) -> None:
        """Free the room of an upload. Does nothing if it did not ask."""
        self._resume(self._budget.release(upload, self._clock()))

    def sweep(self) -> None:
        """Refuse uploads that have stalled while others wait."""
        for upload in self._budget.stalled(self._clock()):
            upload.refuse_stalled()

    def _resume(self, granted: Iterable[Upload]) -> None:
        for upload in granted:
            upload.resume()
