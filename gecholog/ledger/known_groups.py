"""The call groups that a reader knows. They are read again when there are others."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import column, func, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from gecholog.ledger.call_groups import KEY_COLUMNS, CallGroup
from gecholog.ledger.migrate import PRUNED
from gecholog.ledger.tables import call_groups

_COLUMNS = [call_groups.c.id, *(call_groups.c[name] for name in KEY_COLUMNS)]
_PRUNED = select(column("value")).select_from(table("ledger_meta")).where(column("name") == PRUNED).scalar_subquery()
_STATE = select(func.count(), func.coalesce(func.sum(call_groups.c.id), 0), _PRUNED).select_from(call_groups)


@dataclass(frozen=True, slots=True)
class State:
    """What questions have to know of a ledger: its groups, and the time before which calls have been deleted."""

    groups: tuple[CallGroup, ...]
    pruned_us: int


class KnownGroups:
    """The groups of a ledger, kept between questions: there are some thousands, and new ones are rare."""

    def __init__(self) -> None:
        self._state: tuple[int, int] = (0, 0)
        self._groups: tuple[CallGroup, ...] = ()

    async def at(self, connection: AsyncConnection) -> State:
        """The groups as the transaction of `connection` sees them.

        Number and sum of their ids tell whether they are the known ones: an id is never used again, and with several
        writers a lower one may come later than a higher one.
        """
        count, total, pruned_us = (await connection.execute(_STATE)).one()
        state = int(count), int(total)
        if state != self._state:
            rows = (await connection.execute(select(*_COLUMNS))).all()
            self._state, self._groups = state, tuple(CallGroup.of(row) for row in rows)
        return State(self._groups, int(pruned_us or 0))
