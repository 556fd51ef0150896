"""The routes and the navigation of the pages for config files."""

from __future__ import annotations

from services.gui.configuration import (
    archive_page,
    code_page,
    deploy_page,
    file_page,
    form_page,
    list_page,
    old_addresses,
    provider_page,
    raw_page,
    try_page,
    tutorial_page,
)
from services.gui.roles import Permission
from services.gui.web.route import NavigationEntry, Route, get, post

_VIEW, _EDIT = Permission.VIEW, Permission.EDIT_CONFIG
_LARGEST_TEXT = 4 * raw_page.LARGEST  # bytes of a form: three bytes for each sign that is no letter or digit

ROUTES = (
    get("/config", _VIEW, file_page.index),
    get("/config/{file}", _VIEW, file_page.show),
    get("/config/{file}/progress", _VIEW, file_page.progress, is_quiet=True),
    post("/config/{file}/discard", _EDIT, file_page.discard),
    get("/config/{file}/form", _VIEW, form_page.show),
    Route("POST", "/config/{file}/form", _EDIT, form_page.save, largest_body=_LARGEST_TEXT),
    get("/config/{file}/raw", _VIEW, raw_page.show),
    Route("POST", "/config/{file}/raw", _EDIT, raw_page.save, largest_body=_LARGEST_TEXT),
    get("/config/{file}/diff", _VIEW, archive_page.compare),
    get("/config/{file}/deploy", _VIEW, deploy_page.show),
    post("/config/{file}/deploy", _EDIT, deploy_page.deploy),
    get("/config/{file}/archive", _VIEW, archive_page.show),
    post("/config/{file}/archive", _EDIT, archive_page.keep),
    post("/config/{file}/archive/restore", _EDIT, archive_page.restore),
    post("/config/{file}/archive/delete", _EDIT, archive_page.delete),
    get("/config/{file}/archive/download", _VIEW, archive_page.download),
    get("/routers", _VIEW, list_page.routers),
    get("/routers/code", _VIEW, code_page.show),
    get("/routers/try", _VIEW, try_page.show),
    post("/routers/try", _EDIT, try_page.send),
    get("/processors", _VIEW, list_page.processors),
    get("/providers", _VIEW, list_page.providers),
    get("/providers/test", _VIEW, provider_page.show),
    post("/providers/test", _EDIT, provider_page.send),
    get("/models", _VIEW, list_page.models),
    get("/tutorials", _VIEW, tutorial_page.index),
    get("/tutorials/check", _VIEW, tutorial_page.check, is_quiet=True),
    post("/tutorials/stop", _VIEW, tutorial_page.stop),
    *(get(f"/{{application:{name}}}/{{page}}", _VIEW, old_addresses.lead) for name in old_addresses.APPLICATIONS),
)
NAVIGATION = (
    NavigationEntry("Routers", "/routers", "route", 40),
    NavigationEntry("Processors", "/processors", "workflow", 45),
    NavigationEntry("Providers", "/providers", "plug", 50),
    NavigationEntry("Models", "/models", "boxes", 55),
    NavigationEntry("Tutorials", "/tutorials", "graduation-cap", 100),
    NavigationEntry("Configuration", "/config", "file-cog", 70),
)
