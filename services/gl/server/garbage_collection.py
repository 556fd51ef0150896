"""Runs the garbage collector after a number of bytes, and returns free memory when the gateway is idle.

The collector counts objects: ten thousand of them are harmless, unless each keeps a body of a megabyte alive. Calls
leave no reference cycles behind, but libraries may.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

COLLECT_AFTER = 64 * 1024 * 1024
"""Bytes of bodies that were handled since the last collection."""

TRIM_AT = frozenset({4, 16})
"""Free memory is returned after this many idle sweeps: once when the calls have ended, once after their records."""

COUNTED_FROM = 16 * 1024
"""A body, or a piece of one, counts if it has at least this many bytes. The collector copes with smaller ones."""


class GarbageCollection:
    """Counts the bytes of bodies, and runs the collector after many of them."""

    def __init__(self, collect: Callable[[], object] = gc.collect) -> None:
        self._collect = collect
        self._handled = 0
        self._untrimmed = 0  # bytes handled since free memory was last returned
        self._seen = 0  # `_untrimmed` at the last call of `quiet`
        self._quiet = 0  # calls of `quiet` in a row between which nothing was handled

    def handled(self, size: int) -> None:
        """Note that a body, or a piece of one, of `size` bytes has been used."""
        if size < COUNTED_FROM:
            return
        self._handled += size
        self._untrimmed += size
        if self._handled >= COLLECT_AFTER:
            self._handled = 0
            self._collect()

    def quiet(self) -> bool:
        """Whether free memory should be returned now: much was handled, and gl is idle. Call it periodically."""
        if self._untrimmed != self._seen:
            self._seen, self._quiet = self._untrimmed, 0
            return False
        if self._untrimmed < COLLECT_AFTER:
            return False
        self._quiet += 1
        if self._quiet == max(TRIM_AT):
            self._untrimmed = self._seen = 0
        return self._quiet in TRIM_AT
