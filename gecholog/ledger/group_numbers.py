"""The numbers of call groups that a writer knows, so that it need not ask for them with each batch."""

from __future__ import annotations

from collections.abc import Iterable

from gecholog.ledger.call_groups import GroupKey

_MOST = 50_000


class GroupNumbers:
    """Numbers by group, valid for one generation: when groups are deleted from the ledger, another one begins."""

    def __init__(self) -> None:
        self._generation = 0
        self._numbers: dict[GroupKey, int] = {}

    def of(self, keys: Iterable[GroupKey], generation: int) -> tuple[dict[GroupKey, int], list[GroupKey]]:
        """The numbers that are known, and the groups whose numbers are not."""
        if generation != self._generation or len(self._numbers) > _MOST:
            self._generation, self._numbers = generation, {}
        known: dict[GroupKey, int] = {}
        unknown: list[GroupKey] = []
        for key in keys:
            number = self._numbers.get(key)
            if number is None:
                unknown.append(key)
            else:
                known[key] = number
        return known, unknown

    def learn(self, numbers: dict[GroupKey, int], generation: int) -> None:
        """Remember numbers. Call it after the commit: those of a transaction that fails may be given to others."""
        if generation == self._generation:
            self._numbers |= numbers
