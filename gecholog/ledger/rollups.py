"""Adds calls up, into rows of the roll-ups. Pure.

Calls are added up by group and hour first; what the other roll-ups need is added up from these few sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import add
from typing import Any

from gecholog.ledger import tables
from gecholog.ledger.call_groups import GroupKey, key_of
from gecholog.ledger.histogram import SIZE
from gecholog.ledger.rows import CallRow
from gecholog.ledger.tables import COUNTS, Rollup

Sums = list[int]
"""The counts in the order of `tables.COUNTS`, then the buckets of the histogram."""

Key = tuple[Any, ...]

_HOURS = 24


class HourSums:
    """The sums of some calls by group and hour, with the time of the latest call."""

    def __init__(self, calls: Iterable[CallRow]) -> None:
        self._sums: dict[tuple[GroupKey, int], Sums] = {}
        self._last_us: dict[tuple[GroupKey, int], int] = {}
        for call in calls:
            key = key_of(call), call.hour
            counts = _counts(call)
            sums = self._sums.get(key)
            if sums is None:
                self._sums[key] = sums = [*counts, *_NO_BUCKETS]
            else:
                sums[:_COUNTS] = map(add, sums, counts)
            sums[_COUNTS + call.latency_bucket] += 1
            self._last_us[key] = max(self._last_us.get(key, 0), call.started_us)

    def of_groups(self, ids: dict[GroupKey, int]) -> Iterator[tuple[str, list[Key]]]:
        """The tables of the roll-up by group with their rows: hour or day, group, `last_us`, sums."""
        hours = {(hour, ids[group]): sums for (group, hour), sums in self._sums.items()}
        last_us = {(hour, ids[group]): at for (group, hour), at in self._last_us.items()}
        last_of_day: dict[Key, int] = {}
        for (hour, group), at in last_us.items():
            day = hour // _HOURS, group
            last_of_day[day] = max(last_of_day.get(day, 0), at)
        days = _added(((hour // _HOURS, group), sums) for (hour, group), sums in hours.items())
        rollup = tables.GROUPS
        yield rollup.hourly.name, [(*key, last_us[key], *sums) for key, sums in sorted(hours.items())]
        yield rollup.daily.name, [(*key, last_of_day[key], *sums) for key, sums in sorted(days.items())]

    def of(self, rollup: Rollup) -> Iterator[tuple[str, list[Key]]]:
        """The tables of a small roll-up with their rows, sorted by key, so that writers lock rows in the same order."""
        places = [_PLACES[field] for field in rollup.fields]
        hours = _added(
            ((hour, *(place(group) for place in places)), sums) for (group, hour), sums in self._sums.items()
        )
        days = _added(((key[0] // _HOURS, *key[1:]), sums) for key, sums in hours.items())
        for table, found in ((rollup.hourly, hours), (rollup.daily, days)):
            yield table.name, [(*key, *sums) for key, sums in sorted(found.items())]


_PLACES: dict[str, Any] = {
    "router": lambda group: group[0],
    "client_key": lambda group: group[1],
    "owner": lambda group: group[2],
    "provider": lambda group: group[4],
    "model": lambda group: group[5],
    "status": lambda group: group[6],
    "status_class": lambda group: group[6] // 100,
    "error_class": lambda group: group[7],
}


def _added(parts: Iterable[tuple[Key, Sums]]) -> dict[Key, Sums]:
    found: dict[Key, Sums] = {}
    for key, sums in parts:
        present = found.get(key)
        found[key] = sums if present is None else list(map(add, present, sums))
    return found


def _counts(call: CallRow) -> tuple[int, ...]:
    return (
        1,
        1 if call.error_class else 0,
        1 if call.streamed else 0,
        1 if call.is_unpriced else 0,
        call.prompt_tokens or 0,
        call.completion_tokens or 0,
        call.total_tokens or 0,
        call.cached_tokens or 0,
        call.cache_creation_tokens or 0,
        call.reasoning_tokens or 0,
        call.cost_pico or 0,
        call.extra_cost_pico,
        call.duration_us,
        call.request_bytes,
        call.response_bytes,
    )


_COUNTS = len(COUNTS)
_NO_BUCKETS = (0,) * SIZE
