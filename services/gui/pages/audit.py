"""The audit log."""

from __future__ import annotations

from aiohttp import web

from services.gui.roles import Permission
from services.gui.store import audit
from services.gui.web.route import NavigationEntry, get
from services.gui.web.visit import Visit

_PAGE = 50


async def entries(visit: Visit) -> web.StreamResponse:
    """A page of entries, the latest first."""
    text = visit.query.get("text", "").strip()[:200]
    before = number(visit.query.get("before", ""))
    found = await visit.deps.read(lambda connection: audit.page(connection, _PAGE + 1, before, text))
    shown = found[:_PAGE]
    return visit.page(
        "audit.html",
        title="Audit log",
        entries=shown,
        text=text,
        is_first=before is None,
        older=shown[-1].number if len(found) > _PAGE else None,
    )


def number(text: str) -> int | None:
    """A positive number, or None."""
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 16 else None  # noqa: PLR2004 - SQLite


ROUTES = (get("/audit", Permission.ADMINISTER, entries),)
NAVIGATION = (NavigationEntry("Audit log", "/audit", "scroll-text", 85, Permission.ADMINISTER),)
