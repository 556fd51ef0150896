"""The client keys that this process checks calls against."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gecholog.keys import EMPTY, KeySnapshot, Rejection
from services.gl.routing.key_rule import MAX_STALE_S

if TYPE_CHECKING:
    from gecholog.keys import KeyEntry


class Unavailable(Exception):
    """Whether a key is valid cannot be said now. That is an outage of the gateway, not an error of the client."""


class Keyring:
    """The snapshot in force, and how far it can be relied on.

    While the bucket is not watched, a key that is not in the snapshot may exist. Known keys stay valid for `max_stale`
    seconds; those that were disabled or deleted stay refused.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self.snapshot: KeySnapshot = EMPTY
        self.max_stale = MAX_STALE_S
        self._monotonic = monotonic
        self._wall = wall
        self._is_watched: Callable[[], bool] = _never
        self._seen_current = monotonic() - MAX_STALE_S

    def watch_with(self, is_watched: Callable[[], bool]) -> None:
        """Set the function that tells whether the snapshot is that of the bucket now."""
        self._is_watched = is_watched

    def mark_current(self, ago: float = 0.0) -> None:
        """The snapshot was that of the bucket so many seconds ago."""
        self._seen_current = self._monotonic() - ago

    @property
    def is_current(self) -> bool:
        """Whether the snapshot is that of the bucket now."""
        return self._is_watched()

    def find(self, credential: str) -> KeyEntry | None:
        """The key of a client; None if it is not valid. Raises Unavailable."""
        found = self.snapshot.find(credential, self._wall())
        if found is Rejection.REFUSED:
            return None
        if found is Rejection.UNREADABLE:
            raise Unavailable
        is_current = self._is_watched()
        if found is Rejection.UNKNOWN:
            if is_current:
                return None
            raise Unavailable
        if not is_current and self._monotonic() - self._seen_current > self.max_stale:
            raise Unavailable
        return found

    def is_foreign(self, credential: str) -> bool:
        """Whether this is the text of a key that does not have our format, valid or not."""
        return self.snapshot.find(credential, self._wall()) is not Rejection.UNKNOWN


def _never() -> bool:
    return False
