"""The table of usage and cost, for the page and as CSV; and its charts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from gecholog.ledger.answers import Day, Totals
from gecholog.ledger.export import csv_line
from gecholog.ledger.money import usd_text
from services.gui.ledger import svg
from services.gui.ledger.amounts import change_text, digits, money, share_text, usd_shown, whole
from services.gui.ledger.figures import Figure, cost
from services.gui.ledger.group_row import GroupRow, rows_of
from services.gui.ledger.svg import Part
from services.gui.ledger.usage_answer import By, Measure, UsageAnswer

UNNAMED = {
    By.MODEL: "no model",
    By.PROVIDER: "no provider",
    By.CLIENT: "without a key",
    By.OWNER: "without an owner",
    By.ROUTER: "no router",
    By.TAG: "no tag",
}
_SLICES = svg.COLOURS - 1
_FEWEST_DAYS = 2  # a single bar would say nothing


@dataclass(frozen=True, slots=True)
class DayRow:
    """A local day. `part` of `whole` is its share of what is measured."""

    day: Day
    part: int
    whole: int


@dataclass(frozen=True, slots=True)
class Slice:
    """An entry of the donut and of its legend."""

    label: str
    number: int
    shown: Markup
    share: str


def day_rows(answer: UsageAnswer, measure: Measure) -> list[DayRow]:
    """The days, the latest first."""
    highest = max((_of_day(day, measure) for day in answer.days), default=0)
    return [DayRow(day, _of_day(day, measure), highest) for day in reversed(answer.days)]


def group_rows(answer: UsageAnswer, by: By, measure: Measure) -> list[GroupRow]:
    """The groups; their shares are of the cost if that is measured, else of the calls."""
    return rows_of(answer.groups, UNNAMED.get(by, "none"), by_cost=measure is Measure.COST)


def _of_day(day: Day, measure: Measure) -> int:
    return {Measure.COST: day.cost_pico, Measure.TOKENS: day.total_tokens, Measure.CALLS: day.calls}[measure]


def _of_totals(totals: Totals, measure: Measure) -> int:
    return {Measure.COST: totals.cost_pico, Measure.TOKENS: totals.total_tokens, Measure.CALLS: totals.calls}[measure]


def amount(number: int, measure: Measure) -> Markup:
    """What is measured, for people."""
    return money(number) if measure is Measure.COST else whole(number)


def _words(number: int, measure: Measure) -> str:
    return f"${usd_text(number)}" if measure is Measure.COST else f"{digits(number)} {measure.value}"


def figures(answer: UsageAnswer) -> list[Figure]:
    """Cost, calls and tokens, each against the time before."""
    now, before = answer.totals, answer.before
    return [
        cost(now, before),
        Figure("Calls", whole(now.calls), change_text(now.calls, before.calls)),
        Figure("Tokens in", whole(now.prompt_tokens), change_text(now.prompt_tokens, before.prompt_tokens)),
        Figure(
            "Tokens out", whole(now.completion_tokens), change_text(now.completion_tokens, before.completion_tokens)
        ),
        Figure(
            "Read from caches",
            share_text(now.cached_tokens, now.prompt_tokens),
            note=f"{digits(now.cached_tokens)} tokens" if now.cached_tokens else "",
        ),
    ]


def day_chart(answer: UsageAnswer, measure: Measure) -> Markup | None:
    """A bar for each day; None for a single day, or if there is nothing to see."""
    parts = [
        Part(day.date, number, _words(number, measure)) for day in answer.days for number in (_of_day(day, measure),)
    ]
    if len(parts) < _FEWEST_DAYS or not any(part.size for part in parts):
        return None
    highest = max(parts, key=lambda part: part.size)
    title = (
        f"{measure.value.capitalize()} by day from {parts[0].label} to {parts[-1].label}. "
        f"Highest: {highest.label} with {highest.shown}."
    )
    return svg.bars(parts, title)


def slices(answer: UsageAnswer, by: By, measure: Measure) -> list[Slice]:
    """The largest groups of what is measured, and all others as the last one."""
    rows = sorted(group_rows(answer, by, measure), key=lambda row: (row.is_rest, -_of_totals(row.totals, measure)))
    sizes = [(row.name, _of_totals(row.totals, measure)) for row in rows if _of_totals(row.totals, measure)]
    total = sum(size for _, size in sizes)
    shown, rest = sizes[:_SLICES], sizes[_SLICES:]
    if rest:
        shown = [*shown, ("others", sum(size for _, size in rest))]
    return [
        Slice(name, number, amount(size, measure), share_text(size, total)) for number, (name, size) in enumerate(shown)
    ]


def donut(answer: UsageAnswer, by: By, measure: Measure) -> Markup | None:
    """The slices as a ring; None if there is nothing to see."""
    listed = slices(answer, by, measure)
    if not listed:
        return None
    rows = {row.name: _of_totals(row.totals, measure) for row in group_rows(answer, by, measure)}
    known = sum(rows.get(one.label, 0) for one in listed if one.label != "others")
    total = sum(rows.values())
    parts = [Part(one.label, rows[one.label] if one.label != "others" else total - known, one.share) for one in listed]
    return svg.donut(parts, f"{measure.value.capitalize()} by {by.value}: the list beside it has the numbers.")


# ---------------------------------------------------------------- CSV

_COLUMNS = (
    "calls",
    "errors",
    "unpriced",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "total_tokens",
)


def csv(answer: UsageAnswer, by: By) -> Iterator[str]:
    """The table as lines of CSV. Costs are exact decimals in USD."""
    if by is By.DAY:
        yield csv_line(["day", "calls", "total_tokens", "unpriced", "cost_usd"])
        for day in answer.days:
            yield csv_line([day.date, day.calls, day.total_tokens, day.unpriced, usd_text(day.cost_pico)])
        return
    yield csv_line([by.value, "name", *_COLUMNS, "cost_usd"])
    for group in answer.groups:
        key = "(others)" if group.is_rest else group.key
        sums = [getattr(group.totals, name) for name in _COLUMNS]
        yield csv_line([key, group.name, *sums, usd_text(group.totals.cost_pico)])


def highest_text(answer: UsageAnswer, measure: Measure) -> str:
    """The height of the highest bar, in words."""
    highest = max((_of_day(day, measure) for day in answer.days), default=0)
    return usd_shown(highest) if measure is Measure.COST else digits(highest)
