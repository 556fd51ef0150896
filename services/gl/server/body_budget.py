"""The byte budget of request bodies: which body is read on, and which waits. Pure: bytes and times in, decisions out.

There are two pools, so that a small call never waits behind large uploads: one for bodies of up to `SMALL` bytes, one
for larger bodies. A chunked body, whose length is not known, begins in the first and moves to the second when it
outgrows the first.

A body counts with the bytes that it was *granted* until its call is over. While it is arriving, it also counts in its
pool's *window*, which bounds what clients that never finish can hold:

- An announced length is granted as a whole, in the order in which bodies asked. A body that does not fit into the
  window may be overtaken by bodies that do. A chunked body is granted one step at a time.
- The oldest body that is arriving needs no room in the window, and of the total only what complete bodies leave. So one
  body can always go on (no deadlock), and every body is the oldest at some time (no starvation).
- A body that may be read on and makes no progress while others wait has *stalled*: its client should be refused.

A pool grants at most `max(total, largest body) + window` bytes, of these `window + largest body` to arriving bodies.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

MIB = 1024 * 1024
SMALL = 256 * 1024
"""Bytes of the largest body in the pool of small ones; also the first grant of a chunked body."""

STEP = MIB
"""Bytes that a chunked body is granted at a time, in the pool of large ones."""

STALL_S = 5.0
"""While others wait, a body has this many seconds for its next `PROGRESS` bytes, or for its end."""

PROGRESS = 64 * 1024


@dataclass(slots=True)
class _Body:
    """A body that is arriving; at the time `since`, `mark` bytes of it were here."""

    wanted: int
    held: int
    since: float
    granted: int = 0
    mark: int = 0

    @property
    def waits(self) -> bool:
        return self.wanted > self.granted

    def is_stalled(self, now: float) -> bool:
        return not self.waits and now - self.since > STALL_S


class BytePool(Generic[Key]):
    """One pool of bytes. Methods that return a list return the keys of the bodies that may be read on from now."""

    def __init__(self, total: int, window: int) -> None:
        self.total = total
        self.window = window
        self._arriving: dict[Key, _Body] = {}  # the oldest first
        self._complete: dict[Key, int] = {}
        self._arriving_granted = 0
        self._complete_granted = 0
        self._waiting = 0

    @property
    def granted(self) -> int:
        """Bytes granted to all bodies."""
        return self._arriving_granted + self._complete_granted

    @property
    def arriving_granted(self) -> int:
        """Bytes granted to arriving bodies."""
        return self._arriving_granted

    @property
    def waiting(self) -> int:
        """The number of bodies that wait."""
        return self._waiting

    def __contains__(self, key: Key) -> bool:
        return key in self._arriving or key in self._complete

    def available(self, key: Key) -> int:
        """Bytes that the body was granted and that have not arrived; 0 while it waits for a grant."""
        body = self._arriving[key]
        return 0 if body.waits else body.granted - body.held

    def reserve(self, size: int) -> bool:
        """Grant `size` bytes to a body that is complete already, to `unreserve` later. False: there is no room."""
        if self._waiting or self.granted + size > self.total:
            return False
        self._complete_granted += size
        return True

    def unreserve(self, size: int, now: float) -> list[Key]:
        """Free bytes that `reserve` granted."""
        self._complete_granted -= size
        return self._grant(now)

    def ask(self, key: Key, wanted: int, held: int, now: float) -> list[Key]:
        """Ask for `wanted` bytes for a new body, of which `held` bytes are here."""
        body = self._arriving[key] = _Body(wanted, held, now)
        self._waiting += body.waits
        return self._grant(now)

    def ask_more(self, key: Key, wanted: int, now: float) -> list[Key]:
        """Ask for more for an arriving body: `wanted` bytes in total."""
        body = self._arriving[key]
        if not body.waits:
            self._waiting += 1
        body.wanted = wanted
        return self._grant(now)

    def received(self, key: Key, held: int, now: float) -> None:
        """Note that `held` bytes of the body are here in total."""
        body = self._arriving[key]
        body.held = held
        if held - body.mark >= PROGRESS:
            body.mark, body.since = held, now

    def complete(self, key: Key, held: int, now: float) -> list[Key]:
        """Note that the body is complete with `held` bytes; what it did not need is free again."""
        size = min(self._remove(key).granted, held)
        self._complete[key] = size
        self._complete_granted += size
        return self._grant(now)

    def release(self, key: Key, now: float) -> list[Key]:
        """Free the bytes of a body. Does nothing if it is not in the pool."""
        if key in self._arriving:
            self._remove(key)
        elif key in self._complete:
            self._complete_granted -= self._complete.pop(key)
        else:
            return []
        return self._grant(now)

    def stalled(self, now: float) -> list[Key]:
        """The bodies whose clients should be refused now."""
        if not self._waiting:
            return []
        return [key for key, body in self._arriving.items() if body.is_stalled(now)]

    def resize(self, total: int, window: int, now: float) -> list[Key]:
        """Change the pool's limits. Bodies keep what they were granted."""
        self.total, self.window = total, window
        return self._grant(now)

    def _remove(self, key: Key) -> _Body:
        body = self._arriving.pop(key)
        self._arriving_granted -= body.granted
        self._waiting -= body.waits
        return body

    def _grant(self, now: float) -> list[Key]:
        """Grant bytes to bodies that wait, the oldest first."""
        granted: list[Key] = []
        if not self._waiting:
            return granted
        oldest = next(iter(self._arriving.values()))
        if oldest.waits:
            if not self._has_room_for_oldest(oldest):
                return granted
            self._grant_to(oldest, now)
            granted.append(next(iter(self._arriving)))
        ahead = 0  # bytes that older bodies wait for
        for key, body in self._arriving.items():
            if not body.waits:
                continue
            more = body.wanted - body.granted
            in_window = self._arriving_granted - oldest.granted
            if in_window >= self.window or self.granted + ahead + more > self.total:
                break
            if in_window + more > self.window:
                ahead += more
                continue
            self._grant_to(body, now)
            granted.append(key)
        return granted

    def _has_room_for_oldest(self, body: _Body) -> bool:
        return not self._complete_granted or self._complete_granted + body.wanted <= self.total

    def _grant_to(self, body: _Body, now: float) -> None:
        self._arriving_granted += body.wanted - body.granted
        self._waiting -= 1
        body.granted = body.wanted
        body.mark, body.since = body.held, now


class BodyBudget(Generic[Key]):
    """The whole budget: `total` bytes, a quarter of them for small bodies. Keys are the caller's own.

    Methods that return a list return the keys of the bodies that may be read on from now.
    """

    def __init__(self, total: int) -> None:
        self._small: BytePool[Key] = BytePool(*_small(total))
        self._large: BytePool[Key] = BytePool(*_large(total))
        self._chunked: set[Key] = set()  # chunked bodies with room in the small pool
        self._growing: set[Key] = set()  # chunked bodies in the large pool

    @property
    def pools(self) -> tuple[BytePool[Key], BytePool[Key]]:
        """The pool of small bodies, and the pool of large ones."""
        return self._small, self._large

    def resize(self, total: int, now: float) -> list[Key]:
        """Change the whole budget. Bodies keep what they were granted."""
        return self._small.resize(*_small(total), now) + self._moved(self._large.resize(*_large(total), now), now)

    def reserve(self, size: int) -> bool:
        """Grant `size` bytes to a small, complete body, to `unreserve` later. False: there is no room, so `ask`."""
        return self._small.reserve(size)

    def unreserve(self, size: int, now: float) -> list[Key]:
        """Free what `reserve` granted."""
        return self._small.unreserve(size, now)

    def ask(self, key: Key, size: int | None, held: int, now: float) -> list[Key]:
        """Ask for a body of `size` bytes (None: not announced), of which `held` bytes are here.

        It may be read on as soon as its key is returned, by this method or another one.
        """
        if size is not None:
            return self._small.ask(key, size, held, now) if size <= SMALL else self._ask_large(key, size, held, now)
        if held < SMALL and SMALL * (len(self._chunked) + 1) <= self._small.total // 2:
            self._chunked.add(key)
            return self._small.ask(key, SMALL, held, now)
        self._growing.add(key)
        return self._ask_large(key, held + STEP, held, now)

    def available(self, key: Key) -> int:
        """Bytes of the body that may be read now; 0 while it waits."""
        return self._pool(key).available(key)

    def received(self, key: Key, held: int, now: float, least: int) -> list[Key]:
        """Note that `held` bytes are here in total. A chunked body with room for less than `least` asks for more."""
        pool = self._pool(key)
        pool.received(key, held, now)
        if key in self._growing:
            if pool.available(key) < least:
                return self._moved(pool.ask_more(key, held + STEP, now), now)
        elif key in self._chunked and pool.available(key) < least:
            # Its room among the small bodies is kept until it has room among the large ones, as if it were complete.
            self._growing.add(key)
            return self._small.complete(key, held, now) + self._ask_large(key, held + STEP, held, now)
        return []

    def complete(self, key: Key, held: int, now: float) -> list[Key]:
        """Note that the body is complete with `held` bytes. `release` it when its call is over."""
        return self._moved(self._pool(key).complete(key, held, now), now)

    def release(self, key: Key, now: float) -> list[Key]:
        """Free the bytes of a body. Does nothing if it did not ask."""
        self._chunked.discard(key)
        self._growing.discard(key)
        return self._small.release(key, now) + self._moved(self._large.release(key, now), now)

    def stalled(self, now: float) -> list[Key]:
        """The bodies whose clients should be refused now, because others wait."""
        return self._small.stalled(now) + self._large.stalled(now)

    def _pool(self, key: Key) -> BytePool[Key]:
        return self._large if key in self._large else self._small

    def _ask_large(self, key: Key, wanted: int, held: int, now: float) -> list[Key]:
        return self._moved(self._large.ask(key, wanted, held, now), now)

    def _moved(self, granted: list[Key], now: float) -> list[Key]:
        """Free the room among small bodies of chunked ones that now have room among large bodies."""
        for key in self._chunked.intersection(granted):
            self._chunked.discard(key)
            granted = granted + self._small.release(key, now)
        return granted


def _small(total: int) -> tuple[int, int]:
    """Limits of the small pool: with its window it grants a quarter of the budget."""
    return total // 8, total // 8


def _large(total: int) -> tuple[int, int]:
    """Limits of the large pool: with its window (32 MiB of 1 GiB) it grants three quarters of the budget."""
    return total * 23 // 32, total // 32
