"""Usage and cost: by day, model, provider, client, owner or router; as table, charts and CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web
from markupsafe import Markup

from gecholog.errors import GechologError
from gecholog.ledger.answers import Totals, UnpricedModel
from services.gui.ledger import asked, usage_table
from services.gui.ledger.access import API_PATIENCE_S, PATIENCE_S
from services.gui.ledger.condition import Notice, no_calls, notice_of
from services.gui.ledger.figures import Figure
from services.gui.ledger.group_row import GroupRow
from services.gui.ledger.names import Names
from services.gui.ledger.selection import Selection
from services.gui.ledger.span import Span
from services.gui.ledger.usage_answer import EXPORTED, SHOWN, By, Measure, UsageAnswer, UsageAsked, usage_answer
from services.gui.ledger.usage_table import DayRow, Slice
from services.gui.roles import Permission
from services.gui.web.route import NavigationEntry, get
from services.gui.web.visit import Refused, Visit

USUAL = "30d"
_KEPT_S = 10.0
FIELDS = ("router", "client", "provider", "model", "owner", "tag", "status")

E = TypeVar("E", By, Measure)


@dataclass(frozen=True, slots=True)
class UsageView:
    """What the page shows. `days` or `groups` are the rows of the table, `totals` its last line."""

    asked: UsageAsked
    figures: Sequence[Figure] = ()
    totals: Totals = field(default_factory=Totals)
    days: Sequence[DayRow] = ()
    groups: Sequence[GroupRow] = ()
    bars: Markup | None = None
    highest: str = ""
    donut: Markup | None = None
    slices: Sequence[Slice] = ()
    unpriced: Sequence[UnpricedModel] = ()
    notice: Notice | None = None
    names: Names = field(default_factory=Names)
    problem: str = ""

    @property
    def span(self) -> Span:
        return self.asked.span

    @property
    def selection(self) -> Selection:
        return self.asked.selection

    @property
    def by(self) -> By:
        return self.asked.by

    @property
    def measure(self) -> Measure:
        return self.asked.measure

    @property
    def more(self) -> dict[str, str]:
        return self.asked.more

    @property
    def query(self) -> dict[str, str]:
        return self.asked.query


def view_of(asked: UsageAsked, answer: UsageAnswer, names: Names | None = None, problem: str = "") -> UsageView:
    """The page of an answer of the ledger. Pure."""
    by, measure = asked.by, asked.measure
    is_by_day = by is By.DAY
    return UsageView(
        asked,
        usage_table.figures(answer),
        answer.totals,
        usage_table.day_rows(answer, measure) if is_by_day else (),
        usage_table.group_rows(answer, by, measure),
        usage_table.day_chart(answer, measure),
        usage_table.highest_text(answer, measure),
        None if is_by_day else usage_table.donut(answer, by, measure),
        () if is_by_day else usage_table.slices(answer, by, measure),
        answer.unpriced,
        None if answer.totals.calls else no_calls(is_filtered=bool(asked.selection.query)),
        names or Names(),
        problem,
    )


def chosen(query: Mapping[str, str], name: str, usual: E) -> E:
    """A choice in an address; the usual one if it is none."""
    try:
        return type(usual)(query.get(name, usual.value))
    except ValueError:
        return usual


def asked_by(visit: Visit, limit: int = SHOWN) -> tuple[UsageAsked, str]:
    """What an address asks for, and what is wrong with it."""
    span, selection, problem = asked.of_visit(visit.query, visit.now, USUAL, visit.zone, whole_days=True)
    by, measure = chosen(visit.query, "by", By.DAY), chosen(visit.query, "measure", Measure.COST)
    return UsageAsked(span, selection, by, measure, limit), problem


async def usage(visit: Visit) -> web.StreamResponse:
    wanted, problem = asked_by(visit)
    try:
        answer = await answer_of(visit, wanted, PATIENCE_S)
        names = await asked.names_of(visit.deps.ledger, visit.now)
    except GechologError as error:
        view = UsageView(wanted, notice=notice_of(error), problem=problem)
    else:
        view = view_of(wanted, answer, names, problem)
    return visit.page("usage.html", title="Usage and cost", view=view, fields=FIELDS, groupings=By, measures=Measure)


async def answer_of(visit: Visit, wanted: UsageAsked, patience_s: float) -> UsageAnswer:
    """The answer of the ledger. Raises NoLedger, LedgerAway, StillAdding."""
    return await visit.deps.ledger.ask(
        wanted, lambda database: usage_answer(database, wanted), keep_s=_KEPT_S, patience_s=patience_s
    )


async def export(visit: Visit) -> web.StreamResponse:
    """The table as CSV, with all groups."""
    wanted, problem = asked_by(visit, EXPORTED)
    if problem:
        raise Refused(400, problem)
    answer = await answer_of(visit, wanted, API_PATIENCE_S)
    name = f"usage-by-{wanted.by.value}-{wanted.span.local(wanted.span.start_us):%Y-%m-%d}.csv"
    return await visit.download(name, "".join(usage_table.csv(answer, wanted.by)))


ROUTES = (
    get("/usage", Permission.VIEW, usage),
    get("/usage.csv", Permission.VIEW, export, is_quiet=True),
)
NAVIGATION = (NavigationEntry("Usage and cost", "/usage", "chart-column", 27),)
