"""What is counted and not published yet."""

from __future__ import annotations


class Changes:
    """The parts that are not published yet. `urgent`: a limit is near, so the others should know of them at once."""

    __slots__ = ("epoch", "parts", "told", "urgent")

    def __init__(self) -> None:
        self.parts: set[str] = set()
        self.urgent = False
        self.told = 0  # the publisher: 1 of changes, 2 of urgent ones
        self.epoch = 0  # counts how often the parts were taken

    def is_to_be_told(self) -> bool:
        """Whether the publisher does not know yet that there are changes, or that they are urgent. It does from now on.

        Most calls change what the call before them has changed.
        """
        level = 2 if self.urgent else 1
        if self.told >= level:
            return False
        self.told = level
        return True

    def take(self) -> list[str]:
        """The parts that are to be published now."""
        parts = list(self.parts)
        self.parts.clear()
        self.urgent, self.told = False, 0
        self.epoch += 1
        return parts
