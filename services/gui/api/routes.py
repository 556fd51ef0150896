"""The routes of the management API, of its document, and of the page that shows it."""

from __future__ import annotations

import functools
import json

import yaml
from aiohttp import web

from services.gui.api import passing_on
from services.gui.api.document import openapi
from services.gui.api.operations import OPERATIONS
from services.gui.roles import Permission
from services.gui.web.route import NavigationEntry, Route, get
from services.gui.web.visit import Visit


@functools.cache
def _json() -> bytes:
    return json.dumps(openapi(OPERATIONS), indent=1).encode()


@functools.cache
def _yaml() -> bytes:
    return yaml.safe_dump(openapi(OPERATIONS), sort_keys=False, allow_unicode=True).encode()


async def document_json(_: Visit) -> web.StreamResponse:
    return web.Response(body=_json(), content_type="application/json", charset="utf-8")


async def document_yaml(_: Visit) -> web.StreamResponse:
    return web.Response(body=_yaml(), content_type="application/yaml", charset="utf-8")


async def swagger(visit: Visit) -> web.StreamResponse:
    return visit.page("swagger.html", title="API")


ROUTES = (
    *(operation.route() for operation in OPERATIONS),
    Route("GET", "/openapi.json", Permission.PUBLIC, document_json, is_quiet=True, is_api=True),
    Route("GET", "/openapi.yaml", Permission.PUBLIC, document_yaml, is_quiet=True, is_api=True),
    get("/swagger", Permission.VIEW, swagger),
    *passing_on.ROUTES,
)
NAVIGATION = (NavigationEntry("API", "/swagger", "braces", 95),)
