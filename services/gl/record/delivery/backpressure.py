"""Back-pressure: calls wait here if their records reach the bus too slowly.

Each record holds the bodies of its call in memory until the bus has it.

Every call waits before it begins, without a time limit, while
  - more than 512 MiB of records are accepted and not final (they wait for asynchronous processors),
  - more than 64 MiB of records are sent to the bus and not acknowledged, or
  - the journal, or the memory that replaces it, is nearly full (`is_nearly_full`).
It checks the same three conditions again when its request is read and before its reply ends. At these two points, a
call with bodies of more than 256 KiB first waits until fewer than 64 MiB of large records are accepted and not final.
It waits `backpressure_budget_s` in total for those, because some may belong to clients that do not read their response.

A record never waits here. If too many bytes are sent and not acknowledged, it goes to the backlog. While the bus does
not acknowledge, records bypass it, and no call waits for it. Bodies that are still arriving have a budget of their own
(`services.gl.server.body_budget`).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Protocol

from services.gl.record.delivery.byte_gauge import ByteGauge

if TYPE_CHECKING:
    from collections.abc import Awaitable

LARGE = 256 * 1024  # bytes of the bodies of a call, or of its record
_MOST_ACCEPTED = 512 * 1024 * 1024  # bytes of records that wait for asynchronous processors
_MOST_LARGE = 64 * 1024 * 1024  # bytes of the large ones among them
_MOST_SENT = 64 * 1024 * 1024  # bytes of records that wait for an acknowledgement


class WaitingCall(Protocol):
    """A call that may have to wait."""

    backpressure_budget_s: float  # seconds that it may still wait for large records of other calls


class Backpressure:
    """The records in flight, and the calls that wait until there are fewer."""

    def __init__(self, accepted: int = _MOST_ACCEPTED, large: int = _MOST_LARGE, sent: int = _MOST_SENT) -> None:
        """The arguments are limits in bytes."""
        self.is_full = False  # too much is in flight, or was when it was last checked
        self._accepted = ByteGauge(accepted)
        self._large = ByteGauge(large)
        self._sent = ByteGauge(sent)
        self._is_nearly_full = False
        self._bypasses_bus = False
        self._waiting_calls = 0
        self._drained = asyncio.Event()  # set when there may be room again

    @classmethod
    def divided(cls, processes: int) -> Backpressure:
        """The back-pressure in one of several processes, which hold as much together as one alone would."""
        return cls(_MOST_ACCEPTED // processes, _MOST_LARGE // processes, _MOST_SENT // processes)

    # ------------------------------------------------------------------ calls

    def admit_bytes(self, call: WaitingCall, size: int = 0) -> Awaitable[None] | None:
        """Admit a call with bodies of `size` bytes. Returns an awaitable if it must wait, else None."""
        return None if self.has_room(size) else self._admit(call, size)

    async def _admit(self, call: WaitingCall, size: int) -> None:
        call.backpressure_budget_s = await self.wait(size, call.backpressure_budget_s)

    def has_room(self, size: int) -> bool:
        """Tell whether a call with bodies of `size` bytes may continue at once."""
        return not (self.is_full or (size > LARGE and self._large.is_full))

    async def wait(self, size: int = 0, budget_s: float = 0) -> float:
        """Wait until a call with bodies of `size` bytes may continue.

        A large call also waits for other large records, for `budget_s` seconds at most. Returns the rest of the budget.
        """
        self._waiting_calls += 1
        try:
            if size > LARGE:
                budget_s = await self._wait_at_most(budget_s, size)
            await self._wait_for_room(0)
        finally:
            self._waiting_calls -= 1
        return budget_s

    async def _wait_at_most(self, budget_s: float, size: int) -> float:
        loop = asyncio.get_running_loop()
        end = loop.time() + budget_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(end):
                await self._wait_for_room(size)
        return max(0.0, end - loop.time())

    async def _wait_for_room(self, size: int) -> None:
        while True:
            self.is_full = self._accepted.is_full or self._is_nearly_full or self._waits_for_bus
            if self.has_room(size):
                return
            self._drained.clear()
            await self._drained.wait()

    @property
    def bus_is_full(self) -> bool:
        """Whether too many bytes are sent and not acknowledged, so that a record should go to the backlog."""
        return self._sent.is_full

    @property
    def _waits_for_bus(self) -> bool:
        return self._sent.is_full and not self._bypasses_bus

    # ---------------------------------------------------------------- records

    def update(self, *, bypasses_bus: bool, is_nearly_full: bool) -> None:
        """Note whether records bypass a bus that does not acknowledge, and whether the backlog is nearly full."""
        if (bypasses_bus, is_nearly_full) != (self._bypasses_bus, self._is_nearly_full):
            self._bypasses_bus, self._is_nearly_full = bypasses_bus, is_nearly_full
            self.is_full = self.is_full or is_nearly_full
            self._wake()

    def accepted(self, record_id: bytes, size: int) -> None:
        """Count a record that was accepted and is not final yet."""
        self.is_full = self._accepted.add(record_id, size) or self.is_full
        if size > LARGE:
            self._large.add(record_id, size)

    def finalized(self, record_id: bytes) -> None:
        """Stop counting a record as accepted: it is final, or its call was abandoned."""
        self._large.remove(record_id)
        self._accepted.remove(record_id)
        self._wake()

    def sent(self, record_id: bytes, size: int) -> None:
        """Count a record that was sent to the bus."""
        if self._sent.add(record_id, size) and not self._bypasses_bus:
            self.is_full = True

    def publish_ended(self, record_id: bytes) -> None:
        """Stop counting a record as sent: the bus acknowledged or refused it, or did not reply in time."""
        self._sent.remove(record_id)
        self._wake()

    def _wake(self) -> None:
        if self._waiting_calls:
            self._drained.set()
