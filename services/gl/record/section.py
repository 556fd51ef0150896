"""A section of the record: `request` or `response`. Stages and processors fill it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gecholog.record import Fields


_NONE: frozenset[str] = frozenset()


class RecordSection:
    """The fields that processors see, and the lists that only the record shows.

    `changed` names the fields that a processor replaced or added. `runs` and `async_runs` list the processors that ran
    before and after the reply, as the record shows them. `opt_in_fields` are given only to a processor that names them
    in its config.
    """

    __slots__ = ("async_runs", "changed", "errors", "fields", "opt_in_fields", "runs")

    def __init__(self, fields: Fields | None = None) -> None:
        self.fields: Fields = {} if fields is None else fields
        self.changed: frozenset[str] = _NONE
        self.errors: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.async_runs: list[dict[str, Any]] = []
        self.opt_in_fields: Fields | None = None

    def copy(self) -> RecordSection:
        """Copy this section, except for asynchronous runs. The copy shares the list `runs`."""
        other = RecordSection(self.fields.copy())
        other.errors = self.errors.copy()
        other.runs = self.runs
        other.changed = self.changed
        other.opt_in_fields = self.opt_in_fields
        return other

    def write(self, fields: Fields) -> None:
        """Set fields to what a processor wrote."""
        self.fields |= fields
        self.changed = self.changed.union(fields)

    def note(self, name: str, details: str) -> None:
        """Add an entry to the section's `error` list."""
        self.errors.append({"name": name, "details": details})
