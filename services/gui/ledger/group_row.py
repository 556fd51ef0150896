"""Groups of calls as rows of a table: models, clients, and so on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gecholog.ledger.answers import Group, Totals
from services.gui.ledger.amounts import share_text
from services.gui.ledger.selection import NONE

OTHERS = "others"


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A row. `value` selects its calls in an address; empty for the sum of all others. `share` is of calls or cost."""

    name: str
    note: str
    value: str
    totals: Totals
    part: int
    whole: int

    @property
    def is_rest(self) -> bool:
        return not self.value

    @property
    def share(self) -> str:
        return share_text(self.part, self.whole)


def rows_of(groups: Sequence[Group], unnamed: str, *, by_cost: bool = False) -> list[GroupRow]:
    """The rows of groups. `unnamed` is what the group without a value is called."""

    def part(totals: Totals) -> int:
        return totals.cost_pico if by_cost else totals.calls

    whole = sum(part(group.totals) for group in groups)
    return [_row(group, unnamed, part(group.totals), whole) for group in groups]


def _row(group: Group, unnamed: str, part: int, whole: int) -> GroupRow:
    if group.is_rest:
        return GroupRow(OTHERS, "", "", group.totals, part, whole)
    name = group.name or group.key or unnamed
    note = group.key if group.name and group.name != group.key else ""
    return GroupRow(name, note, group.key or NONE, group.totals, part, whole)
