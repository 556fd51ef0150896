"""The audit log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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
        details=details,
        older=shown[-1].number if len(found) > _PAGE else None,
    )


def details(detail: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The details of an entry as readable names and values, without empty ones. Pure."""
    for name, value in detail.items():
        if isinstance(value, bool):
            yield name.replace("_", " "), "yes" if value else "no"
        elif isinstance(value, list | tuple) and value:
            yield name.replace("_", " "), ", ".join(map(str, value))
        elif value not in (None, "", [], ()):
            yield name.replace("_", " "), str(value)


def number(text: str) -> int | None:
    """A positive number, or None."""
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 16 else None  # noqa: PLR2004 - SQLite


ROUTES = (get("/audit", Permission.ADMINISTER, entries),)
NAVIGATION = (NavigationEntry("Audit log", "/audit", "scroll-text", 85, Permission.ADMINISTER),)
