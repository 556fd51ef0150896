"""The overview: what happens now, what it costs, and whether all services are well."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from gecholog import gateway_bus
from gecholog.errors import BusError, ConfigError, GechologError
from gecholog.ledger.answers import ErrorCount
from gecholog.ledger.outcome import ERROR_CLASSES
from services.gui import appliance, spent
from services.gui.appliance import Appliance
from services.gui.ledger import asked
from services.gui.ledger.access import NoLedger
from services.gui.ledger.amounts import UNKNOWN
from services.gui.ledger.condition import Notice, no_calls, notice_of
from services.gui.ledger.figures import Figure, overview_figures
from services.gui.ledger.group_row import GroupRow, rows_of
from services.gui.ledger.names import Names
from services.gui.ledger.overview_answer import Chart, OverviewAnswer, chart, overview_answer
from services.gui.ledger.selection import Selection
from services.gui.ledger.span import Span
from services.gui.live.filters import CallFilter
from services.gui.live.record import CallSummary
from services.gui.live.tally import Tally, Totals
from services.gui.roles import Permission
from services.gui.web.rendering import count, duration, usd
from services.gui.web.route import NavigationEntry, Route, get
from services.gui.web.visit import Refused, Visit

_USUAL = "24h"
_LATEST = 6  # calls
_SHOWN_MODELS = 6
_LONGEST_TALLY_S = 86_400
_FIELDS = ("router", "client", "provider", "model", "status")
_WARNINGS = 6
WRITER = "nats2ledger"


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """A kind of failure: its class with what it means, the status, and how often."""

    error_class: str
    meaning: str
    status: int | None
    calls: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Budgets:
    """The budgets that are nearly or wholly used up; `reason` says why they are not known."""

    warnings: tuple[spent.Spender, ...] = ()
    limited: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OverviewView:
    """What the page shows. `is_live`: the figures are of the calls that the interface has seen itself."""

    span: Span
    selection: Selection
    figures: Sequence[Figure] = ()
    models: Sequence[GroupRow] = ()
    clients: Sequence[GroupRow] = ()
    errors: Sequence[ErrorRow] = ()
    notice: Notice | None = None
    is_live: bool = False
    latest: Sequence[CallSummary] = ()
    names: Names = field(default_factory=Names)
    problem: str = ""

    @property
    def query(self) -> dict[str, str]:
        """Span and selection in an address."""
        return self.span.query | self.selection.query

    @property
    def has_calls(self) -> bool:
        return bool(self.figures) and (self.notice is None or self.is_live)


def view_of(span: Span, selection: Selection, answer: OverviewAnswer, names: Names, problem: str = "") -> OverviewView:
    """The page of an answer of the ledger. Pure."""
    return OverviewView(
        span,
        selection,
        overview_figures(answer),
        rows_of(answer.models, "no model"),
        rows_of(answer.clients, "without a key"),
        [_error_row(one) for one in answer.errors],
        notice=None if answer.totals.calls else no_calls(is_filtered=bool(selection.query)),
        names=names,
        problem=problem,
    )


def _error_row(one: ErrorCount) -> ErrorRow:
    return ErrorRow(one.error_class, ERROR_CLASSES.get(one.error_class, ""), one.status, one.calls, one.last_us)


def live_view(
    span: Span, selection: Selection, tally: Tally, latest: Sequence[CallSummary], notice: Notice
) -> OverviewView:
    """The page without a ledger: the calls that the interface has seen on the bus since it started. Pure."""
    end = span.end_us // 1_000_000
    totals = tally.between(max(span.start_us // 1_000_000, end - _LONGEST_TALLY_S), end + 1)
    return OverviewView(
        span, selection, tally_figures(totals) if totals.calls else (), notice=notice, is_live=True, latest=latest
    )


def tally_figures(totals: Totals) -> list[Figure]:
    """The figures of calls that the interface has seen itself."""
    share = UNKNOWN if totals.error_share is None else f"{totals.error_share * 100:.1f} %"
    return [
        Figure("Calls", count(totals.calls)),
        Figure("Tokens", count(totals.tokens)),
        Figure("Cost", usd(totals.cost_usd)),
        Figure("Errors", share),
        Figure("Median", duration(totals.percentile(0.5))),
        Figure("95 % within", duration(totals.percentile(0.95))),
    ]


def stopped_writer(found: Appliance) -> str:
    """Why figures may be old: the service that writes the ledger is off or not well. Empty if it is well."""
    for service in found.services:
        if service.name == WRITER and service.state != "healthy":
            reason = f": {service.reason}" if service.reason else ""
            return f"The service {WRITER} is {service.state}{reason}. Calls since then are not in these figures."
    return ""


async def overview(visit: Visit) -> web.StreamResponse:
    (view, budgets), found = await asyncio.gather(_parts(visit), asyncio.to_thread(appliance.read, visit.deps.home))
    return visit.page(
        "overview.html",
        title="Overview",
        view=view,
        budgets=budgets,
        appliance=found,
        stopped="" if view.is_live else stopped_writer(found),
        fields=_FIELDS,
        bus=visit.deps.bus.is_connected,
        now=visit.now,
    )


async def _parts(visit: Visit) -> tuple[OverviewView, Budgets]:
    return await asyncio.gather(_view(visit), budgets(visit))


async def _view(visit: Visit) -> OverviewView:
    span, selection, problem = asked.of_visit(visit.query, visit.now, _USUAL, visit.zone)
    try:
        answer = await asked.remembered(visit.deps.ledger, "overview", span, selection, overview_answer)
        names = await asked.names_of(visit.deps.ledger, visit.now)
    except NoLedger as error:
        live = visit.deps.live
        latest = list(live.latest(CallFilter(), _LATEST))
        return live_view(span, selection, live.tally, latest, notice_of(error))
    except GechologError as error:
        return OverviewView(span, selection, notice=notice_of(error), problem=problem)
    return view_of(span, selection, answer, names, problem)


async def budgets(visit: Visit) -> Budgets:
    """The budgets of keys and owners, as the gateways count them."""
    try:
        found = await spending(visit)
    except (ConfigError, GechologError) as error:
        return Budgets(reason=str(error))
    limited = sum(one.budget is not None for one in found.spenders)
    return Budgets(tuple(found.warnings()[:_WARNINGS]), limited)


async def spending(visit: Visit) -> spent.Spending:
    """What keys and owners have used. Raises ConfigError, BusError."""
    deps = visit.deps
    if not deps.bus.is_connected:
        raise BusError("the bus is not reached")
    file = deps.config.applications["gl"].production_file
    where = await asyncio.to_thread(gateway_bus.of_config, file, deps.home, deps.environ)
    return await spent.read(where, visit.now)


async def services(visit: Visit) -> web.StreamResponse:
    """The part of the overview with the services, which the page asks for again and again."""
    found = await asyncio.to_thread(appliance.read, visit.deps.home)
    return visit.page("services.html", appliance=found, now=visit.now)


async def series(visit: Visit) -> web.StreamResponse:
    """Calls in each step of the range by model, for the chart."""
    span, selection, problem = asked.of_visit(visit.query, visit.now, _USUAL, visit.zone)
    if problem:
        raise Refused(400, problem)
    try:
        found = await asked.remembered(visit.deps.ledger, "chart", span, selection, chart, patient=True)
    except NoLedger:
        return web.json_response(tally_series(visit.deps.live.tally, span))
    return web.json_response(series_json(found, span))


def series_json(found: Chart, span: Span) -> dict[str, Any]:
    """The lines of the chart. `zone` is the time zone of its axis."""
    lines = [{"name": one.name, "calls": list(one.calls)} for one in found.lines]
    return {"times": list(found.times), "series": lines, "step": span.step_title, "zone": span.zone}


def tally_series(tally: Tally, span: Span) -> Mapping[str, Any]:
    """Calls per minute by model, of the calls that the interface has seen itself."""
    end = span.end_us // 1_000_000
    start = max(span.start_us // 1_000_000, end - _LONGEST_TALLY_S)
    totals = tally.between(start, end + 1)
    models = [model for model, _ in sorted(totals.by_model.items(), key=lambda item: -item[1])[:_SHOWN_MODELS]]
    times, calls = tally.series(start, end, models)
    series = [{"name": name, "calls": row} for name, row in calls.items()]
    return {"times": times, "series": series, "step": "minute", "zone": span.zone}


ROUTES = (
    get("/mainmenu", Permission.VIEW, overview),
    get("/mainmenu-parts", Permission.VIEW, overview, is_quiet=True),
    get("/mainmenu/services", Permission.VIEW, services, is_quiet=True),
    Route("GET", "/mainmenu/series", Permission.VIEW, series, is_quiet=True, is_api=True),
)
NAVIGATION = (NavigationEntry("Overview", "/mainmenu", "layout-dashboard", 10),)
