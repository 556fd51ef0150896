"""Selects the fields of a section that the record contains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog import record

if TYPE_CHECKING:
    from gecholog.record import Fields


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """Selects the fields in `include` (all if it is empty), except those in `exclude`."""

    include: tuple[str, ...] = ()
    exclude: frozenset[str] = frozenset()

    def select(self, fields: Fields) -> Fields:
        """The selected fields. Returns `fields` itself if all of them are selected."""
        return record.select(fields, self.include, self.exclude) if self.include or self.exclude else fields

    def shows(self, name: str) -> bool:
        """Tell whether a field with this name is selected."""
        return name not in self.exclude and (not self.include or name in self.include)
