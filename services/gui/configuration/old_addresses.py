"""Addresses of the original lead to the pages that took their place."""

from __future__ import annotations

from aiohttp import web

from services.gui.web.visit import Refused, Visit

APPLICATIONS = ("gl", "nats2log", "nats2file")

_AREAS = {
    "settings": "",
    "tls": "/tls",
    "servicebus": "/service_bus",
    "logger": "/logger",
    "filewriter": "/file_writer",
    "elasticwriter": "/elastic_writer",
    "azureloganalyticswriter": "/azure_log_analytics_writer",
    "restapiwriter": "/rest_api_writer",
}
_PAGES = {
    "menu": "",
    "publish": "/deploy",
    "select-file-to-open": "/archive",
    "archive-workingfile": "/archive",
    "archive-productionfile": "/archive",
}
_WITH_CODE = frozenset({"503", "504", "505"})  # steps of a tutorial that were on the form of a router
_LISTS = {"routers": "/routers", "requestprocessors": "/processors", "responseprocessors": "/processors"}


async def lead(visit: Visit) -> web.StreamResponse:
    """Redirect from `/gl/menu` and the like. The number of a tutorial is passed on."""
    name, page = visit.request.match_info["application"], visit.request.match_info["page"]
    if name not in APPLICATIONS:
        raise Refused(404, "page not found")
    tutorial = visit.query.get("tutorial")
    if page in _PAGES:
        return visit.redirect(f"/config/{name}{_PAGES[page]}", tutorial=tutorial)
    base = page.removesuffix("-form")
    if (name, page) == ("gl", "routers-form") and tutorial in _WITH_CODE:
        return visit.redirect("/routers/code", router=visit.query.get("key"), tutorial=tutorial)
    if name == "gl" and (target := _list(base)):
        return visit.redirect(target, tutorial=tutorial)
    if page.endswith("-form") and base in _AREAS:
        return visit.redirect(f"/config/{name}/form", at=_AREAS[base], tutorial=tutorial)
    raise Refused(404, "page not found")


def _list(base: str) -> str:
    """The list that a page of routers or processors belongs to; what changed something by GET leads there, too."""
    return next((target for start, target in _LISTS.items() if base == start or base.startswith(f"{start}-")), "")
