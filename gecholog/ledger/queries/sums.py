"""Sums by step and group, from roll-ups and rows together: what most questions stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import add, itemgetter, neg, sub
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from gecholog.ledger.answers import Totals
from gecholog.ledger.call_groups import Grouping, grouping
from gecholog.ledger.database import Database
from gecholog.ledger.filters import CallFilter, Dimension, TagList
from gecholog.ledger.histogram import SIZE
from gecholog.ledger.queries import conditions, lists
from gecholog.ledger.rows import DAY_US, HOUR_US
from gecholog.ledger.sources import ROW, Effect, Window, windows_of
from gecholog.ledger.tables import BUCKETS, COUNTS, GROUPS, SMALL_ROLLUPS, Rollup, calls

_SPLIT = 10**6  # sums of money are added in two parts: SQLite's 64 bits would end at nine million USD
_MONEY = ("cost_pico", "extra_cost_pico")
_FEW, _FEW_OF = 4, {"sqlite": 16, "postgresql": 40}

Key = tuple[Any, ...]
"""The number of the step (0 without steps), then the values of the dimensions."""

_Columns = Mapping[str, ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, and where the answer is read from."""

    asked: CallFilter
    by: tuple[Dimension | TagList, ...]
    rollup: Rollup
    grouping: Grouping
    has_few_groups: bool  # of all that the ledger knows
    windows: dict[Window, list[Effect]]


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums by step and group, sorted by key. Each has the counts `names`, a part of `COUNTS` in its order."""

    names: tuple[str, ...]
    by_key: dict[Key, list[int]]

    def totals(self, sums: Sequence[int]) -> Totals:
        """Sums with the counts `names` as totals. The other counts are 0."""
        if self.names == COUNTS:
            return Totals(*sums)
        return Totals(**dict(zip(self.names, sums, strict=True)))


async def totals_by(
    ledger: Database,
    connection: AsyncConnection,
    asked: CallFilter,
    by: Sequence[Dimension | TagList] = (),
    *,
    counts: Sequence[str] = COUNTS,
) -> dict[Key, Totals]:
    """The totals of the calls of a filter, by group, as `sums_by` has them."""
    found = await sums_by(ledger, connection, asked, by, counts=counts)
    return {key: found.totals(sums) for key, sums in found.by_key.items()}


async def sums_by(  # noqa: PLR0913 - a question with many optional parts
    ledger: Database,
    connection: AsyncConnection,
    asked: CallFilter,
    by: Sequence[Dimension | TagList] = (),
    boundaries: Sequence[int] = (),
    *,
    counts: Sequence[str] = COUNTS,
) -> Sums:
    """The sums of the calls of a filter, by step and group. Steps and groups without calls are left out.

    `counts` are those that are needed; the number of calls comes with them.
    """
    question = await _question(ledger, connection, asked, by, boundaries)
    names = tuple(name for name in COUNTS if name in counts or name == "calls")
    money = tuple(name for name in _MONEY if name in names)
    places = [names.index(name) for name in money]

    def sums(columns: _Columns) -> list[ColumnElement[Any]]:
        whole = [_sum(columns[name] // _SPLIT if name in money else columns[name]) for name in names]
        return [*whole, *(_sum(columns[name] % _SPLIT) for name in money)]

    def values(found: Sequence[Any]) -> list[int]:
        filled = [value or 0 for value in found] if None in found else list(found)
        for place in reversed(places):
            rest = filled.pop()
            filled[place] = filled[place] * _SPLIT + rest
        return filled

    rollup_rows = await _from_rollups(connection, question, names, sums)
    call_rows = await _from_calls(
        connection, question, _columns_of_calls(names), lambda row: sums(_counts_of(row, names))
    )
    found = _added((effects, key, values(row)) for effects, key, row in [*rollup_rows, *call_rows])
    return Sums(names, {key: one for key, one in found if one[0]})


async def histograms_by(
    ledger: Database,
    connection: AsyncConnection,
    asked: CallFilter,
    by: Sequence[Dimension | TagList] = (),
    boundaries: Sequence[int] = (),
) -> dict[Key, list[int]]:
    """The latency histograms of the calls of a filter, by step and group. Sorted by key."""
    question = await _question(ledger, connection, asked, by, boundaries)

    rollup_rows = await _from_rollups(connection, question, BUCKETS, lambda row: [_sum(row[name]) for name in BUCKETS])
    bucket = "latency_bucket"
    call_rows = await _from_calls(connection, question, (bucket,), lambda _: [func.count()], lambda row: [row[bucket]])
    found = _added(
        [
            *((effects, key, [count or 0 for count in row]) for effects, key, row in rollup_rows),
            *((effects, key, [0] * row[0] + [row[1]] + [0] * (SIZE - 1 - row[0])) for effects, key, row in call_rows),
        ]
    )
    return {key: counts for key, counts in found if any(counts)}


async def latest_by(
    ledger: Database, connection: AsyncConnection, asked: CallFilter, by: Sequence[Dimension | TagList]
) -> dict[Key, tuple[int, int]]:
    """The number of calls of each group, and when the latest of them began. Keys as in `totals_by`."""
    question = await _question(ledger, connection, asked, by, (), subtract=False)
    rollup_rows = await _from_rollups(
        connection, question, ("calls", "last_us"), lambda row: [_sum(row.calls), func.max(row.last_us)]
    )
    call_rows = await _from_calls(
        connection, question, ("started_us",), lambda row: [func.count(), func.max(row.started_us)]
    )
    found: dict[Key, tuple[int, int]] = {}
    for _, group, (count, last_us) in [*rollup_rows, *call_rows]:
        if count:
            before = found.get((0, *group), (0, 0))
            found[(0, *group)] = before[0] + count, max(before[1], last_us)
    return dict(sorted(found.items(), key=_order))


# ---------------------------------------------------------------- the question


async def _question(  # noqa: PLR0913 - those of the question
    ledger: Database,
    connection: AsyncConnection,
    asked: CallFilter,
    by: Sequence[Dimension | TagList],
    boundaries: Sequence[int],
    *,
    subtract: bool = True,
) -> _Question:
    needed = asked.given | {conditions.field_of(dimension) for dimension in by}
    rollup = rollup_for(needed) if subtract else GROUPS  # the only one that knows the latest call
    units = (ROW,) if asked.session is not None else (DAY_US, HOUR_US, ROW)
    state = await ledger.groups.at(connection)
    windows = windows_of(_clipped(asked, boundaries), units, state.pruned_us, subtract=subtract)
    kept = grouping(state.groups, asked, by)
    few = kept.numbers is not None and are_few(len(kept.numbers), len(state.groups), ledger.dialect)
    return _Question(asked, tuple(by), rollup, kept, few, windows)


def are_few(kept: int, known: int, dialect: str) -> bool:
    """Whether so few of all groups are kept that each of their rows is looked up.

    To look up a row costs some times as much as to read the next one, and a group has calls in one of five hours.
    """
    return kept <= max(_FEW, known // _FEW_OF[dialect])


def rollup_for(needed: frozenset[str]) -> Rollup:
    """The smallest roll-up that has these fields of a filter."""
    return next((rollup for rollup in SMALL_ROLLUPS if needed <= conditions.known_to(rollup)), GROUPS)


def _clipped(asked: CallFilter, boundaries: Sequence[int]) -> list[int]:
    """The times at which the steps begin and end, inside the range."""
    start, end = asked.range.start_us, asked.range.end_us
    return [min(max(at, start), end) for at in boundaries] or [start, end]


# ---------------------------------------------------------------- reading

_Read = tuple[Sequence[Effect], Key, Sequence[Any]]
"""Sums of the calls of a window that have the same values of the dimensions, and what the window is for."""


async def _from_rollups(
    connection: AsyncConnection,
    question: _Question,
    columns: Sequence[str],
    sums: Callable[[Any], Sequence[ColumnElement[Any]]],
) -> list[_Read]:
    """The sums of whole hours and whole days. They are made from some columns of a row of the roll-up."""
    found: list[_Read] = []
    for unit, table in ((DAY_US, question.rollup.daily), (HOUR_US, question.rollup.hourly)):
        windows = [window for window in question.windows if window.unit == unit]
        if windows and (question.rollup is not GROUPS or question.grouping.numbers != {}):
            selection = _Selection(connection.dialect.name, question, table, columns)
            if question.rollup is GROUPS and question.has_few_groups:
                selection.join_periods_of_groups(windows)
            else:
                selection.join_periods(windows)
                selection.join_groups()
            found += await selection.run(connection, windows, [], sums(selection.row))
    return found


async def _from_calls(
    connection: AsyncConnection,
    question: _Question,
    columns: Sequence[str],
    sums: Callable[[Any], Sequence[ColumnElement[Any]]],
    more: Callable[[Any], Sequence[ColumnElement[Any]]] = lambda _: (),
) -> list[_Read]:
    """The sums of single calls, by `more` columns. Both are made from some columns of a row of `calls`."""
    windows = [window for window in question.windows if window.unit == ROW]
    if not windows or question.grouping.numbers == {}:
        return []
    selection = _Selection(connection.dialect.name, question, calls, columns)
    selection.join_times(windows)
    selection.join_groups()
    return await selection.run(connection, windows, more(selection.row), sums(selection.row))


class _Selection:
    """A statement that adds up rows of a table by window and group."""

    def __init__(self, dialect: str, question: _Question, table: Table, columns: Sequence[str]) -> None:
        self._dialect = dialect
        self._question = question
        self._table = table
        keys = ("group_id",) if table is calls else question.rollup.fields
        self._columns = [table.c[name] for name in (*keys, *columns)]
        self.row: Any = table.c
        self._from: Any = table
        self._limits: list[ColumnElement[bool]] = []
        self._window: ColumnElement[Any] | None = None  # tells the window, if there are several
        self._first = 0  # what the first window is told by
        self._groups: list[ColumnElement[Any]] = []

    def join_periods(self, windows: Sequence[Window]) -> None:
        """Find the rows of hours or days, with their windows: the key of each roll-up begins with the period."""
        period = self._period(self.row)
        # SQLite may read a range of periods once for each group of a filter.
        reads_ranges_once = self._dialect != "sqlite" or self._question.rollup is not GROUPS
        if reads_ranges_once and (len(windows) == 1 or _are_consecutive(windows)):
            self._limits += [period >= windows[0].first, period < windows[-1].end]
            if len(windows) > 1:
                self._window, self._first = period, windows[0].first
        elif self._dialect == "sqlite":
            periods = self._periods(windows)
            self._window = periods.c.window_number
            self._look_up((periods,), periods.c.period == period)
        else:
            ranges = self._ranges(windows)
            self._window = ranges.c.window_number
            self._look_up((ranges,), period >= ranges.c.first, period < ranges.c.until)

    def join_periods_of_groups(self, windows: Sequence[Window]) -> None:
        """Find each row of the roll-up of groups by its whole key. It is for few groups of many."""
        periods, places = self._periods(windows), self._places()
        self._window, self._groups = periods.c.window_number, [places.c.place]
        own = self._table.c
        inside = [periods.c.period == self._period(own), places.c.group_id == own.group_id]
        self._look_up((periods, places), *inside)

    def _period(self, row: Any) -> ColumnElement[Any]:
        period: ColumnElement[Any] = row["day" if "day" in row else "hour"]
        return period

    def _periods(self, windows: Sequence[Window]) -> CTE:
        listed = ((at, number) for number, one in enumerate(windows) for at in range(one.first, one.end))
        return lists.numbers(self._dialect, ("period", "window_number"), listed)

    def _ranges(self, windows: Sequence[Window]) -> CTE:
        listed = ((one.first, one.end, number) for number, one in enumerate(windows))
        return lists.numbers(self._dialect, ("first", "until", "window_number"), listed)

    def _places(self) -> CTE:
        numbers = self._question.grouping.numbers or {}
        return lists.numbers(self._dialect, ("group_id", "place"), numbers.items())

    def _look_up(self, lists_: Sequence[CTE], *inside: ColumnElement[bool]) -> None:
        """Look up rows of the table for each combination of the rows of lists."""
        first, *others = lists_
        listed: FromClause = first
        for other in others:
            listed = listed.join(other, true())
        if self._dialect == "sqlite":
            self._from = listed.join(self._table, and_(*inside))
            return
        # PostgreSQL knows little of lists, and would read the table. "OFFSET 0" keeps the two apart.
        found = select(*self._columns).where(*inside).offset(literal_column("0")).correlate(*lists_).lateral("found")
        self._from, self.row = listed.join(found, true()), found.c

    def join_times(self, windows: Sequence[Window]) -> None:
        """Find the calls of windows by the index of times."""
        at, session = calls.c.started_us, conditions.of_session(self._question.asked)
        if len(windows) == 1 and session:
            self._limits += [at >= windows[0].first, at < windows[0].end, *session]
            return
        times = self._ranges(windows)
        self._window = times.c.window_number
        self._look_up((times,), at >= times.c.first, at < times.c.until, *session)

    def join_groups(self) -> None:
        """Keep the rows of the filter, and find the group in which each counts."""
        question = self._question
        if question.rollup is not GROUPS and self._table is not calls:
            self._limits += conditions.of_small_rollup(question.asked, self.row)
            self._groups = [conditions.column_of(dimension, self.row) for dimension in question.by]
        elif question.grouping.numbers is not None:
            places = self._places()
            self._from = self._from.join(places, self.row.group_id + 0 == places.c.group_id)  # rows are found by time
            self._groups = [places.c.place]

    async def run(
        self,
        connection: AsyncConnection,
        windows: Sequence[Window],
        more: Sequence[ColumnElement[Any]],
        sums: Sequence[ColumnElement[Any]],
    ) -> list[_Read]:
        """What the statement finds: the sums after the columns `more`."""
        keys = [*([] if self._window is None else [self._window]), *self._groups, *more]
        statement = select(*keys, *sums).select_from(self._from).where(*self._limits).group_by(*keys)
        effects = [self._question.windows[window] for window in windows]
        first = 0 if self._window is None else 1
        last = first + len(self._groups)
        return [
            (effects[row[0] - self._first if first else 0], self._key(row[first:last]), row[last:])
            for row in (await connection.execute(statement)).all()
        ]

    def _key(self, found: Sequence[Any]) -> Key:
        question = self._question
        if question.rollup is not GROUPS and self._table is not calls:
            return tuple(found)
        return question.grouping.keys[found[0] if found else 0]


def _are_consecutive(windows: Sequence[Window]) -> bool:
    """Whether each window is one period, and they follow on each other."""
    first = windows[0].first
    return all(one.first == at and one.end == at + 1 for at, one in enumerate(windows, first))


def _added(parts: Iterable[tuple[Sequence[Effect], Key, list[int]]]) -> Iterator[tuple[Key, list[int]]]:
    """The sums of each step and group, in their order."""
    found: dict[Key, list[int]] = {}
    for effects, group, sums in parts:
        for effect in effects:
            key = (effect.step, *group)
            present = found.get(key)
            if effect.sign > 0:
                found[key] = sums if present is None else list(map(add, present, sums))
            else:
                found[key] = list(map(neg, sums)) if present is None else list(map(sub, present, sums))
    has_none = any(None in key for key in found)
    return iter(sorted(found.items(), key=_order if has_none else itemgetter(0)))


def _order(item: tuple[Key, Any]) -> tuple[Any, ...]:
    return tuple(-1 if value is None else value for value in item[0])


def _sum(value: ColumnElement[Any]) -> ColumnElement[int]:
    """A sum that the driver of PostgreSQL gives as a whole number: a Decimal takes ten times as long to read."""
    return cast(func.sum(value), BigInteger)


_OF_CALLS: Mapping[str, tuple[tuple[str, ...], Callable[[Any], ColumnElement[Any]]]] = {
    "calls": ((), lambda _: literal(1)),
    "errors": (("error_class",), lambda row: case((row.error_class != "", 1), else_=0)),
    "unpriced": (
        ("cost_pico", "total_tokens"),
        lambda row: case((row.cost_pico.is_(None) & (row.total_tokens > 0), 1), else_=0),
    ),
}
"""Counts that are no columns of `calls`: the columns that they are made from, and how."""


def _columns_of_calls(names: Iterable[str]) -> tuple[str, ...]:
    """The columns of `calls` that counts are made from."""
    return tuple(dict.fromkeys(column for name in names for column in _OF_CALLS.get(name, ((name,),))[0]))


def _counts_of(row: Any, names: Iterable[str]) -> _Columns:
    """The value of a call for each of some counts, from columns of its row."""
    return {name: _OF_CALLS[name][1](row) if name in _OF_CALLS else row[name] for name in names}
