"""The operations on the ledger: overview, history, usage and cost, budgets. They share their rules with the pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gecholog.keys.reading import time_text
from gecholog.ledger.answers import CallDetail, Group, Totals, plain
from gecholog.ledger.export import exported
from gecholog.ledger.money import usd_text
from gecholog.ledger.outcome import ERROR_CLASSES
from gecholog.quota.limits import usd_text as nano_usd_text
from gecholog.timer import rfc3339
from services.gui import spent
from services.gui.api import ledger_types as types
from services.gui.api.operation import Operation
from services.gui.ledger import asked, overview_answer
from services.gui.ledger.access import API_PATIENCE_S
from services.gui.ledger.selection import Selection
from services.gui.ledger.span import RANGES, Span
from services.gui.ledger.usage_answer import By, UsageAnswer
from services.gui.live import anatomy
from services.gui.pages import history, overview, usage
from services.gui.pages.audit import number
from services.gui.roles import Permission
from services.gui.web.visit import Refused, Visit

_USUAL = "24h"
_MOST = 500  # calls of a page
_US_IN_NS = 1000


def _asked(visit: Visit, usual: str = _USUAL) -> tuple[Span, Selection]:
    """Span and selection of the address. Raises Refused."""
    span, selection, problem = asked.of_visit(visit.query, visit.now, usual, visit.zone)
    if problem:
        raise Refused(400, problem)
    return span, selection


def _time(us: int) -> str:
    return rfc3339(us * _US_IN_NS)


def _sums(totals: Totals) -> types.Sums:
    given: dict[str, Any] = {name: getattr(totals, name) for name in types.Sums.__struct_fields__ if name in _SAME}
    return types.Sums(**given, failed=totals.errors, cost_usd=usd_text(totals.cost_pico))


_SAME = frozenset(types.Sums.__struct_fields__) - {"failed", "cost_usd"}


def _groups(groups: Sequence[Group]) -> list[types.GroupSums]:
    return [types.GroupSums(one.key, one.name, one.is_rest, _sums(one.totals)) for one in groups]


def _percentiles(found: overview_answer.Percentiles) -> types.Percentiles:
    def ms(us: int | None) -> float | None:
        return None if us is None else us / 1000

    return types.Percentiles(ms(found.p50_us), ms(found.p95_us))


async def show_overview(visit: Visit, _: None) -> types.Overview:
    """The sums of a range and of the one before, percentiles, the largest groups, and errors."""
    span, selection = _asked(visit)
    found = await asked.remembered(
        visit.deps.ledger, "overview", span, selection, overview_answer.overview_answer, patient=True
    )
    return types.Overview(
        _time(span.start_us),
        _time(span.end_us),
        _sums(found.totals),
        _sums(found.before),
        _percentiles(found.latency),
        _percentiles(found.latency_before),
        _groups(found.models),
        _groups(found.clients),
        [
            types.ErrorSums(
                one.error_class, ERROR_CLASSES.get(one.error_class, ""), one.status, one.calls, _time(one.last_us)
            )
            for one in found.errors
        ],
    )


async def show_series(visit: Visit, _: None) -> types.CallSeries:
    """Calls by step and model."""
    span, selection = _asked(visit)
    found = await asked.remembered(visit.deps.ledger, "chart", span, selection, overview_answer.chart, patient=True)
    lines = [types.CallLine(one.name, list(one.calls)) for one in found.lines]
    return types.CallSeries(span.step_seconds, list(found.times), lines)


async def list_history(visit: Visit, _: None) -> types.HistoryPage:
    """Calls of the ledger, the latest first, page by page."""
    span, selection = _asked(visit, history.USUAL)
    after, limit = history.cursor(visit), min(_MOST, number(visit.query.get("limit", "")) or 100)
    wanted = selection.filter(span.range)
    page = await visit.deps.ledger.ask(
        ("history", wanted, str(after), limit),
        lambda database: history.page_of(database, wanted, after, limit),
        patience_s=API_PATIENCE_S,
    )
    return types.HistoryPage([exported(call) for call in page.calls], None if page.next is None else str(page.next))


async def _call(visit: Visit) -> CallDetail:
    found = await history.call_of(visit, visit.request.match_info["id"])
    if found is None:
        raise Refused(404, "the ledger has no call with this id")
    return found


async def show_ledger_call(visit: Visit, _: None) -> types.CallWithAttempts:
    """A call with its attempts. Its id is that of its record, or of its transaction."""
    found = await _call(visit)
    attempts = [plain(one) for one in found.attempts]
    for one in attempts:
        cost = one.pop("cost_pico")
        one["cost_usd"] = None if cost is None else usd_text(cost)
        one["started"] = _time(one.pop("started_us"))
        one["duration_ms"] = one.pop("duration_us") / 1000
    return types.CallWithAttempts(exported(found.call), attempts)


async def show_record(visit: Visit, _: None) -> dict[str, Any]:
    """The record of a call; without payloads for those who may not see them."""
    found = await _call(visit)
    shown = await history.payloads(visit, found)
    if not shown.record:
        raise Refused(404, shown.told)
    return anatomy.without_payloads(shown.record) if shown.is_hidden else shown.record


async def show_usage(visit: Visit, _: None) -> types.Usage:
    """Usage and cost by local day, and by the group of `by`."""
    wanted, problem = usage.asked_by(visit)
    if problem or visit.query.get("by", "") not in {"", *By}:
        raise Refused(400, problem or f"by must be one of {', '.join(By)}")
    found: UsageAnswer = await usage.answer_of(visit, wanted, API_PATIENCE_S)
    span = wanted.span
    return types.Usage(
        _time(span.start_us),
        _time(span.end_us),
        span.zone,
        _sums(found.totals),
        [
            types.UsageDay(day.date, day.calls, day.total_tokens, day.unpriced, usd_text(day.cost_pico))
            for day in found.days
        ],
        _groups(found.groups),
        [types.UnpricedModelOut(one.provider, one.model, one.calls, one.total_tokens) for one in found.unpriced],
    )


async def list_budgets(visit: Visit, _: None) -> list[types.SpenderOut]:
    """Client keys and owners that have limits, with what they have used of them."""
    found = await overview.spending(visit)
    return [
        types.SpenderOut(one.kind, one.id, one.name, one.state, [_use(use) for use in one.uses])
        for one in found.spenders
    ]


def _use(use: spent.Use) -> types.LimitUse:
    text = nano_usd_text if use.unit == "usd" else str
    resets = None if use.resets is None else time_text(use.resets)
    return types.LimitUse(
        use.unit, use.period, use.is_budget, text(use.used), text(use.limit), use.percent, use.state, resets
    )


_VIEW = Permission.VIEW
_SPAN = (
    ("range", f"A range that ends now: one of {', '.join(RANGES)}. Or give `from` and `to`."),
    ("from", "The start: a local time such as 2026-11-30T12:00, or a date."),
    ("to", "The end, which is not part of the range: a time; or a date, which is part of it."),
    ("zone", "The time zone of local times and days, such as Europe/Stockholm. Without it that of the config, or UTC."),
)
_CALLS = (
    ("router", "The path of the router."),
    ("client", "The id of the client key; `(none)` for calls without a value, here and below."),
    ("provider", "The provider that answered."),
    ("model", "The model that answered."),
    ("owner", "The owner of the client key."),
    ("tag", "One of the tags of the client key."),
    ("status", "A status, or ok, failed, 2xx, 4xx, 5xx, none."),
    ("error", "An error class."),
    ("session", "The id of a session."),
)
_FILTER = (*_SPAN, *_CALLS)
_PAGE = (("after", "The `next` of the page before."), ("limit", f"Calls at most: 1 to {_MOST}, 100 without it."))
_BY = (("by", f"What to group by: one of {', '.join(By)}."), ("measure", "The largest by: cost, tokens or calls."))

LEDGER_OPERATIONS = (
    Operation("GET", "/overview", _VIEW, "A range, and the one before", show_overview, types.Overview, query=_FILTER),
    Operation("GET", "/overview/series", _VIEW, "Calls by model", show_series, types.CallSeries, query=_FILTER),
    Operation("GET", "/history", _VIEW, "Calls", list_history, types.HistoryPage, query=(*_FILTER, *_PAGE)),
    Operation("GET", "/history/{id}", _VIEW, "A call of the ledger", show_ledger_call, types.CallWithAttempts),
    Operation("GET", "/history/{id}/record", _VIEW, "The record of a call", show_record, dict[str, Any]),
    Operation("GET", "/usage", _VIEW, "Usage and cost", show_usage, types.Usage, query=(*_FILTER, *_BY)),
    Operation("GET", "/budgets", _VIEW, "Limits and what is used of them", list_budgets, list[types.SpenderOut]),
)
