"""All routes and the whole navigation: the modules with pages are listed here, and nowhere else."""

from __future__ import annotations

from services.gui.api import routes as api
from services.gui.configuration import routes as configuration
from services.gui.pages import (
    audit,
    files,
    history,
    keys,
    live,
    metrics,
    overview,
    secrets,
    sign_in,
    system,
    usage,
    users,
)
from services.gui.web.route import NavigationEntry, Route

_MODULES = (
    files,
    metrics,
    sign_in,
    overview,
    live,
    history,
    usage,
    configuration,
    keys,
    secrets,
    users,
    audit,
    system,
    api,
)

ROUTES: tuple[Route, ...] = tuple(route for module in _MODULES for route in module.ROUTES)
NAVIGATION: tuple[NavigationEntry, ...] = tuple(entry for module in _MODULES for entry in module.NAVIGATION)
