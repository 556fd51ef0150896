"""How many bytes of records may be under way: callers must not be faster than their records for long.

Each record holds its call's bodies in memory until the bus has it.
"""

from __future__ import annotations

import asyncio
import contextlib

from services.gl.record.load import Load

LARGE = 256 * 1024  # bytes of the bodies of a call, or of its record
_MOST_ACCEPTED = 512 * 1024 * 1024  # bytes of records that wait for asynchronous processors,
_MOST_LARGE = 64 * 1024 * 1024  # of the large ones among them,
_MOST_PUBLISHING = 64 * 1024 * 1024  # and of those that wait for the bus's word


class Capacity:
    """What is under way, and who waits until it is less."""

    def __init__(
        self, accepted: int = _MOST_ACCEPTED, large: int = _MOST_LARGE, publishing: int = _MOST_PUBLISHING
    ) -> None:
        """The arguments are limits in bytes."""
        self.is_full = False  # too much is under way, or was: who begins a call waits for `room`
        self._accepted = Load(accepted)
        self._large = Load(large)
        self._publishing = Load(publishing)
        self._callers = 0  # that wait
        self._is_tight = False  # records come faster than they can be kept
        self._bypasses_bus = False  # records do not go to the bus now, so nobody waits for it
        self._room = asyncio.Event()

    # ---------------------------------------------------------------- callers

    def has_room(self, size: int) -> bool:
        """Whether a call with bodies of `size` bytes may go on to its record, or should wait for `room`."""
        return not (self.is_full or (size > LARGE and self._large.is_full))

    async def room(self, size: int = 0, patience: float = 0) -> float:
        """Wait while too much is under way.

        Calls with large bodies wait for each other besides, for a few of them at a time fill the memory already; but
        `patience` seconds at the most: among those that they wait for may be callers who do not read. Returns what is
        left of it.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        self._callers += 1
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(end if size > LARGE else None):
                    await self._until_room(size)
            left = max(0.0, end - loop.time())
            await self._until_room(0)
        finally:
            self._callers -= 1
        return left

    async def _until_room(self, size: int) -> None:
        while True:
            self.is_full = self._accepted.is_full or self._is_tight or self._waits_for_bus
            if self.has_room(size):
                return
            self._room.clear()
            await self._room.wait()

    @property
    def bus_is_full(self) -> bool:
        """Whether so much waits for the bus's word that a record should not be sent as well."""
        return self._publishing.is_full

    @property
    def _waits_for_bus(self) -> bool:
        return self._publishing.is_full and not self._bypasses_bus

    def steer(self, *, bypasses_bus: bool, is_tight: bool) -> None:
        """Whether records pass the bus by (it does not acknowledge), and whether there is little room for more."""
        if (bypasses_bus, is_tight) != (self._bypasses_bus, self._is_tight):
            self._bypasses_bus, self._is_tight = bypasses_bus, is_tight
            self.is_full = self.is_full or is_tight
            self._look_again()

    # ---------------------------------------------------------------- records

    def accept(self, record_id: bytes, size: int) -> None:
        """A record is kept as it stands, and is not final yet."""
        self.is_full = self._accepted.put(record_id, size) or self.is_full
        if size > LARGE:
            self._large.put(record_id, size)

    def conclude(self, record_id: bytes) -> None:
        """It is final, or never will be."""
        self._large.drop(record_id)
        self._accepted.drop(record_id)
        self._look_again()

    def publish(self, record_id: bytes, size: int) -> None:
        """A record is on its way to the bus."""
        if self._publishing.put(record_id, size) and not self._bypasses_bus:
            self.is_full = True

    def arrive(self, record_id: bytes) -> None:
        """The bus has it, or will not."""
        self._publishing.drop(record_id)
        self._look_again()

    def _look_again(self) -> None:
        if self._callers:
            self._room.set()
