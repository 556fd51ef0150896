"""The system: services, versions, disk space, records that wait."""

from __future__ import annotations

import asyncio

from aiohttp import web

from services.gui import appliance, system
from services.gui.roles import Permission
from services.gui.web.route import NavigationEntry, get
from services.gui.web.visit import Visit


async def show(visit: Visit) -> web.StreamResponse:
    home, live, bus = visit.deps.home, visit.deps.live, visit.deps.bus
    return visit.page(
        "system.html",
        title="System",
        found=await asyncio.to_thread(system.read, home),
        appliance=await asyncio.to_thread(appliance.read, home),
        now=visit.now,
        bus_address=bus.address.hostname,
        bus=bus.is_connected,
        received=live.received,
        unreadable=live.unreadable,
        watchers=live.watchers,
    )


ROUTES = (get("/system", Permission.VIEW, show),)
NAVIGATION = (NavigationEntry("System", "/system", "server", 90),)
