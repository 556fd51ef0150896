"""The names that filters suggest: routers, clients, providers and models of the last days."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gecholog.ledger.answers import Group
from gecholog.ledger.filters import CallFilter, Dimension, TimeRange

if TYPE_CHECKING:
    from gecholog.ledger.database import Database

_DAYS_S = 7 * 86_400
_MOST = 100


@dataclass(frozen=True, slots=True)
class Names:
    """Suggestions: values, and for clients their names as well."""

    routers: tuple[str, ...] = ()
    clients: tuple[tuple[str, str], ...] = ()
    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


async def names(ledger: Database, now: float) -> Names:
    """The names of the last days, sorted."""
    from gecholog.ledger import queries  # noqa: PLC0415 - loads SQLAlchemy, only where there is a ledger

    asked = CallFilter(TimeRange.last(_DAYS_S, now))
    dimensions = (Dimension.ROUTER, Dimension.CLIENT, Dimension.PROVIDER, Dimension.MODEL, Dimension.OWNER)
    found = await asyncio.gather(*(queries.top(ledger, asked, one, queries.Order.CALLS, _MOST) for one in dimensions))
    routers, clients, providers, models, owners = (_sorted(groups) for groups in found)
    return Names(
        routers=tuple(group.key for group in routers),
        clients=tuple((group.key, group.name) for group in clients),
        providers=tuple(group.key for group in providers),
        models=tuple(group.key for group in models),
        owners=tuple(group.key for group in owners),
    )


def _sorted(groups: list[Group]) -> list[Group]:
    return sorted((group for group in groups if group.key), key=lambda group: group.key)
