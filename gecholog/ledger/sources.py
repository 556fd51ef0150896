"""What sums are read from: sums of days, sums of hours, and rows. Pure.

A range is taken apart at the nearest full day and hour. Where it begins before the nearest full one, the part before
it is added; where it begins after it, the part that is too much is subtracted. The local days of a zone 2 hours ahead
of UTC so need a sum of a day and two times 2 hours each, instead of 24 hours, and half an hour of rows at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from gecholog.ledger.rows import HOUR_US

ROW: Final = 1
"""The unit of rows: a microsecond. Those of the roll-ups are `HOUR_US` and `DAY_US`."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time to be read from one source: `unit` is its precision, `first` and `end` are counted in it since 1970."""

    unit: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What is read from a window counts in the step with this number, added (1) or subtracted (-1)."""

    step: int
    sign: int


def windows_of(
    cuts: Sequence[int], units: Sequence[int], rows_since_us: int = 0, *, subtract: bool = True
) -> dict[Window, list[Effect]]:
    """The windows for steps that begin and end at `cuts`, with what each is for.

    `units` are those of the sources that can be used, the largest first, rows last. Without `subtract`, only what lies
    in a step is read. Before `rows_since_us`, rows have been deleted: hours that begin there count as a whole, at their
    start.
    """
    found: dict[Window, list[Effect]] = {}
    if HOUR_US in units:
        cuts = _whole_hours(cuts, -(-rows_since_us // HOUR_US) * HOUR_US)
    for step, (start, end) in enumerate(pairwise(cuts)):
        for sign, window in _covered(start, end, tuple(units), subtract=subtract):
            found.setdefault(window, []).append(Effect(step, sign))
    return found


def _whole_hours(cuts: Sequence[int], rows_since_us: int) -> list[int]:
    first, *others = cuts
    moved = [first // HOUR_US * HOUR_US if first < rows_since_us else first]
    return moved + [-(-cut // HOUR_US) * HOUR_US if cut < rows_since_us else cut for cut in others]


def _covered(start: int, end: int, units: tuple[int, ...], *, subtract: bool) -> Iterator[tuple[int, Window]]:
    """The windows that make up [start, end), each with its sign."""
    unit, *rest = units
    if start >= end:
        return
    if not rest:
        yield 1, Window(unit, start // unit, end // unit)
        return
    lower = tuple(rest)
    if subtract:
        first, last = (start + unit // 2) // unit, (end + unit // 2) // unit
    else:
        first, last = -(-start // unit), end // unit
    if end - start < unit or first >= last:
        yield from _covered(start, end, lower, subtract=subtract)
        return
    yield 1, Window(unit, first, last)
    yield from _corrected(start, first * unit, lower, subtract=subtract)
    yield from _corrected(last * unit, end, lower, subtract=subtract)


def _corrected(start: int, end: int, units: tuple[int, ...], *, subtract: bool) -> Iterator[tuple[int, Window]]:
    """[start, end), negative if it ends before it starts."""
    turn = 1 if start <= end else -1
    for sign, window in _covered(min(start, end), max(start, end), units, subtract=subtract):
        yield sign * turn, window
