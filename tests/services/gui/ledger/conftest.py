"""Pages drawn without a server: templates, and someone who reads them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from services.gui import roles, routes
from services.gui.access import links
from services.gui.assets.catalog import Assets
from services.gui.roles import Permission, Role
from services.gui.service import TEMPLATES
from services.gui.web.rendering import Renderer


@dataclass
class Reader:
    """Whom a page is for."""

    path: str = "/mainmenu"
    role: Role = Role.VIEWER
    payloads: bool = False
    theme: str = "dark"
    csrf_token: str = "token"
    here: str = "/mainmenu"
    tutorial: Any = None
    account: Any = field(default_factory=lambda: SimpleNamespace(name="vera", role="viewer", must_change=False))

    def link(self, path: str, **query: Any) -> str:
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return links.relative(self.path, path) + (f"?{urlencode(given)}" if given else "")

    def allows(self, permission: Permission) -> bool:
        return roles.allows(self.role, permission, payloads=self.payloads)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(TEMPLATES, Assets(), routes.NAVIGATION)


@pytest.fixture
def drawn(renderer: Renderer) -> Callable[..., str]:
    """The HTML of a template with values; `reader` is whom it is for."""

    def draw(template: str, reader: Reader | None = None, **values: Any) -> str:
        return renderer.render(template, reader or Reader(), {"flashes": (), "title": "Page"} | values)

    return draw


@pytest.fixture
def reader() -> type[Reader]:
    return Reader
