"""The bodies that clients upload, and the budget that they share: its decisions are carried out here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from services.gl.server.body_budget import BodyBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

READ_BYTES = 64 * 1024
"""Bytes that are read from a connection at a time."""

LARGE_READ_BYTES = 4 * READ_BYTES
"""The same of a body whose length was announced and that has room. What comes so fast ends a turn of the event loop."""


class Upload(Protocol):
    """Something that a client sends and that is held in memory as a whole."""

    def go_on(self) -> None:
        """It may be read on."""

    def send_away(self) -> None:
        """It makes no progress, and others wait: end it."""

    def __hash__(self) -> int:
        """By identity, as all objects."""


class Uploads:
    """All uploads of a listener."""

    def __init__(self, total: int, clock: Callable[[], float]) -> None:
        """`total` is the budget in bytes, `clock` tells the time in seconds."""
        self._budget: BodyBudget[Upload] = BodyBudget(total)
        self._clock = clock
        self.take = self._budget.take  # as in BodyBudget: without a call in between, for each call has one
        self.room = self._budget.room

    def resize(self, total: int) -> None:
        """Change the budget."""
        self._go_on(self._budget.resize(total, self._clock()))

    def give_back(self, size: int) -> None:
        """Give back what `take` granted."""
        self._go_on(self._budget.give_back(size, self._clock()))

    def ask(self, upload: Upload, size: int | None, held: int) -> None:
        """Ask for an upload of `size` bytes (None: not announced), `held` of them here; it is told to `go_on`."""
        self._go_on(self._budget.ask(upload, size, held, self._clock()))

    def received(self, upload: Upload, held: int) -> None:
        """So many bytes of an upload have come in total."""
        self._go_on(self._budget.received(upload, held, self._clock(), READ_BYTES))

    def complete(self, upload: Upload, held: int) -> None:
        """An upload has come to its end."""
        self._go_on(self._budget.complete(upload, held, self._clock()))

    def release(self, upload: Upload) -> None:
        """Nobody holds an upload any more. Does nothing for one that did not ask."""
        self._go_on(self._budget.release(upload, self._clock()))

    def sweep(self) -> None:
        """Send away who makes no progress while others wait."""
        for upload in self._budget.stalled(self._clock()):
            upload.send_away()

    def _go_on(self, granted: Iterable[Upload]) -> None:
        for upload in granted:
            upload.go_on()
