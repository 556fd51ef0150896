"""Answers of capped routers in which nothing was found to count: each would let the cap be passed without a word.

One line a minute for each field of a router says so. No clock, no log: both are given by the caller.
"""

from __future__ import annotations

from collections.abc import Callable

_EVERY = 60_000  # milliseconds

Say = Callable[[str, str, str, int], None]
"""Takes the router, the field, the transaction id (empty if unknown), and how many answers there were since."""


class Uncounted:
    """What has been said already. Routers and fields are those of the caps, so memory is bounded."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._said: dict[tuple[str, str], int] = {}
        self._since: dict[tuple[str, str], int] = {}

    def saw(self, router: str, field: str, transaction_id: str, now: int) -> None:
        """An answer without a number for a field that has a cap; `now` is in milliseconds."""
        key = (router, field)
        self._since[key] = self._since.get(key, 0) + 1
        if key not in self._said or not 0 <= now - self._said[key] < _EVERY:
            self._said[key] = now
            self._say(router, field, transaction_id, self._since.pop(key))
