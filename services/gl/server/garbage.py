"""Bounds what waits for the garbage collector by bytes.

The collector counts objects: ten thousand of them are nothing, unless each keeps a body of a megabyte. Calls leave
no cycles behind as far as we know, but libraries and processors of the standard library may.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

COLLECT_AFTER = 64 * 1024 * 1024
"""Bytes of bodies that were handled since the last collection."""

TRIM_AT = frozenset({4, 16})
"""After so many quiet looks in a row free memory goes back to the machine: when the calls are over, and when their
records are, too."""

COUNTED_FROM = 16 * 1024
"""Bytes of a body, or of a piece of one, from which on it counts. Many small ones are objects enough."""


class Garbage:
    """Counts bytes of bodies, and has the collector look when it may be worth it."""

    def __init__(self, collect: Callable[[], object] = gc.collect) -> None:
        self._collect = collect
        self._handled = 0
        self._untrimmed = 0  # bytes handled since free memory was given back last
        self._seen = 0  # the same when `quiet` was asked last
        self._quiet = 0  # looks in a row in which nothing was handled

    def handled(self, size: int) -> None:
        """A body, or a piece of one, of so many bytes is not needed any more, or soon will not be."""
        if size < COUNTED_FROM:
            return
        self._handled += size
        self._untrimmed += size
        if self._handled >= COLLECT_AFTER:
            self._handled = 0
            self._collect()

    def quiet(self) -> bool:
        """Ask from time to time whether free memory should be given back now: much was handled, and all is quiet."""
        if self._untrimmed != self._seen:
            self._seen, self._quiet = self._untrimmed, 0
            return False
        if self._untrimmed < COLLECT_AFTER:
            return False
        self._quiet += 1
        if self._quiet == max(TRIM_AT):
            self._untrimmed = self._seen = 0
        return self._quiet in TRIM_AT
