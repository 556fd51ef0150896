"""The overview: what happens now, and whether all services are well."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from services.gui import appliance
from services.gui.live.filters import CallFilter
from services.gui.live.tally import Tally, Totals
from services.gui.roles import Permission
from services.gui.web.route import NavigationEntry, Route, get
from services.gui.web.visit import Visit

RANGES = {"15m": ("15 minutes", 900), "1h": ("hour", 3600), "6h": ("6 hours", 21_600), "24h": ("24 hours", 86_400)}
_USUAL = "1h"
_LATEST = 8  # calls
_SHOWN_MODELS = 5


@dataclass(frozen=True, slots=True)
class Change:
    """How a figure differs from the span before. `share` is None if there is nothing to compare with."""

    share: float | None

    @property
    def text(self) -> str:
        return "" if self.share is None else f"{self.share:+.0%}".replace("%", "\N{NARROW NO-BREAK SPACE}%")


def change(now: float, before: float) -> Change:
    """The change from one span to the next."""
    return Change((now - before) / before if before else None)


def figures(tally: Tally, now: float, seconds: int) -> tuple[Totals, dict[str, Change]]:
    """The totals of the last seconds, and how they differ from as many seconds before."""
    latest, before = tally.between(now - seconds, now + 1), tally.between(now - 2 * seconds, now - seconds)
    changes = {name: change(getattr(latest, name), getattr(before, name)) for name in ("calls", "tokens", "cost_usd")}
    return latest, changes


async def overview(visit: Visit) -> web.StreamResponse:
    chosen, seconds = _range(visit)
    live = visit.deps.live
    totals, changes = figures(live.tally, visit.now, seconds)
    return visit.page(
        "overview.html",
        title="Overview",
        totals=totals,
        changes=changes,
        chosen=chosen,
        ranges=RANGES,
        calls=list(live.latest(CallFilter(), _LATEST)),
        bus=visit.deps.bus.is_connected,
        top_models=_top(totals),
        **await _health(visit),
    )


def _top(totals: Totals) -> list[tuple[str, int]]:
    return sorted(totals.by_model.items(), key=lambda item: -item[1])[:_SHOWN_MODELS]


async def services(visit: Visit) -> web.StreamResponse:
    """The part of the overview with the services, which the page asks for again and again."""
    return visit.page("services.html", **await _health(visit))


async def _health(visit: Visit) -> dict[str, Any]:
    return {"appliance": await asyncio.to_thread(appliance.read, visit.deps.home), "now": visit.now}


async def series(visit: Visit) -> web.StreamResponse:
    """Calls per minute by model, for the chart."""
    _, seconds = _range(visit)
    tally, start = visit.deps.live.tally, visit.now - seconds
    models = [model for model, _ in _top(tally.between(start, visit.now + 1))]
    times, calls = tally.series(start, visit.now, models)
    return web.json_response({"times": times, "series": [{"name": name, "calls": row} for name, row in calls.items()]})


def _range(visit: Visit) -> tuple[str, int]:
    chosen = visit.query.get("range", _USUAL)
    chosen = chosen if chosen in RANGES else _USUAL
    return chosen, RANGES[chosen][1]


ROUTES = (
    get("/mainmenu", Permission.VIEW, overview),
    get("/mainmenu/services", Permission.VIEW, services, is_quiet=True),
    Route("GET", "/mainmenu/series", Permission.VIEW, series, is_quiet=True, is_api=True),
)
NAVIGATION = (NavigationEntry("Overview", "/mainmenu", "layout-dashboard", 10),)
