"""Code that calls a router of the draft."""

from __future__ import annotations

import asyncio

from aiohttp import web

from services.gui import gateway
from services.gui.configuration.list_page import FILE, items
from services.gui.configuration.opened import opened
from services.gui.tutorials.call_target import call_target
from services.gui.tutorials.code_samples import code_samples
from services.gui.web.visit import Visit

_LONGEST_MODEL = 200


async def show(visit: Visit) -> web.StreamResponse:
    """Programs in several languages, for the router and the model that the address names."""
    found = await opened(visit, FILE)
    entries = items(found, "routers", "path")
    paths = [str(item.value.get("path") or "") for item in entries]
    wanted = visit.query.get("router", "")
    item = entries[paths.index(wanted)] if wanted in paths else next(iter(entries), None)
    model = visit.query.get("model", "").strip()[:_LONGEST_MODEL]
    target = None
    if item is not None:
        target = call_target(item.value, await _address(visit), model)
    return visit.page(
        "code.html",
        **found.context,
        title="Code",
        item=item,
        paths=paths,
        model=model,
        target=target,
        samples=[] if target is None else code_samples(target),
    )


async def _address(visit: Visit) -> str:
    """The gateway as clients see it: the host under which this page was opened, and the port of the gateway."""
    file = visit.deps.config.applications[FILE].production_file
    found = await asyncio.to_thread(gateway.of_config, file, visit.deps.environ)
    host = visit.request.url.host or found.host
    return f"{found.scheme}://{f'[{host}]' if ':' in host else host}:{found.port}"
