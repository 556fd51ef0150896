"""Which fields of a section are in the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog import record

if TYPE_CHECKING:
    from gecholog.record import Fields


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """The fields in `include` (all, if it is empty), less those in `exclude`."""

    include: tuple[str, ...] = ()
    exclude: frozenset[str] = frozenset()

    def select(self, fields: Fields) -> Fields:
        """The fields that are in the record: `fields` itself if all of them are."""
        return record.select(fields, self.include, self.exclude) if self.include or self.exclude else fields

    def shows(self, name: str) -> bool:
        """Tell whether a field of this name is in the record."""
        return name not in self.exclude and (not self.include or name in self.include)
