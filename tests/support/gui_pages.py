"""The pages of the web interface, from the table of routes, each with an address that shows it."""

from services.gui import routes
from services.gui.web.route import Route

_LIVE = ("/stream", "/events")
_NO_PAGES = {"/archive/download", "/history.csv"}  # files
_VARIABLES = {
    "/logs/{id}": "/logs/GECHO001_1",
    "/history/{id}": "/history/none",
    "/keys/{id}": "/keys/{key}",
    "/routers/try": "/routers/try?router=/dummy/",
    "/providers/test": "/providers/test?name={provider}",
}
MORE = ("/config/gl/form?at=/routers/1", "/config/gl/form?at=/tls", "/config/gui/form")
"""Further addresses: forms of sections, and of another file."""


def is_page(route: Route) -> bool:
    """Tell whether a route answers with a whole page for people who are signed in."""
    if route.method != "GET" or route.is_api or route.is_quiet or route.is_passed_on or route.path == "/":
        return False
    return not route.path.startswith("/{application") and not any(
        route.path.endswith(one) for one in (*_LIVE, *_NO_PAGES)
    )


def addresses(**names: str) -> list[str]:
    """An address of every page; `names` are those of what is there: `key`, `provider`."""
    found = [_VARIABLES.get(route.path, route.path) for route in routes.ROUTES if is_page(route)]
    return [one.replace("{file}", "gl").format(**names) for one in [*found, *MORE]]
