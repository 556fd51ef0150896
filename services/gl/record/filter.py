"""Which fields of a section are in the record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """The fields in `include` (all, if it is empty), less those in `exclude`."""

    include: tuple[str, ...] = ()
    exclude: frozenset[str] = frozenset()

    def shows(self, name: str) -> bool:
        """Tell whether a field of this name is in the record."""
        return name not in self.exclude and (not self.include or name in self.include)
