"""Every route with every role, from the table of routes: what the table says is what the server does."""

import gzip
import re

import pytest

from services.gui import roles, routes
from services.gui.roles import Permission, Role
from tests.support.gui import Browser, new_user

_VARIABLE = re.compile(r"\{\w+(?::(?P<only>[\w-]+))?[^}]*\}")
_ENDS_SESSIONS = {"/logout"}
_REFUSES_MORE = {"/routers/try"}  # a draft that sends secrets elsewhere is for administrators


@pytest.fixture
def people(signed_in):
    """A browser for each role, and one in which nobody is signed in."""
    others = {role: new_user(signed_in, f"the-{role}", role) for role in (Role.EDITOR, Role.VIEWER)}
    return {None: Browser(signed_in.port), Role.ADMIN: signed_in} | others


def ask(browser, route, token):
    path = _VARIABLE.sub(lambda match: match["only"] or "none", route.path)
    method = "POST" if route.method == "*" else route.method
    kind = "application/json" if route.path.startswith("/api/") else "application/x-www-form-urlencoded"
    headers = {"Content-Type": kind, "X-CSRF-Token": token} if method != "GET" else {}
    return browser.request(method, path, b"{}" if kind.endswith("json") and method != "GET" else b"", headers)


def expected(route, role):
    """What a role gets: `in`, `refused`, or `sign in`."""
    if route.permission is Permission.PUBLIC:
        return "in"
    if role is None:
        return "sign in"
    return "in" if roles.allows(role, route.permission, payloads=role is Role.ADMIN) else "refused"


def seen(route, reply):
    if reply.status == 401 or (reply.status == 302 and reply.location.startswith("/login")):
        return "sign in" if not route.is_passed_on else "in"
    return "refused" if reply.status == 403 else "in"


def test_every_route_is_as_its_permission_says(people):
    tokens = {role: browser.get("/password").csrf_token if role else "" for role, browser in people.items()}
    wrong = []
    for route in routes.ROUTES:
        if route.path in _ENDS_SESSIONS or route.path.endswith("/stream") or route.path.endswith("/events"):
            continue
        for role, browser in people.items():
            reply = ask(browser, route, tokens[role])
            if route.path == "/" and reply.status == 302:
                continue
            if route.path in _REFUSES_MORE and role is Role.EDITOR:
                continue
            if (found := seen(route, reply)) != expected(route, role):
                wrong.append((route.method, route.path, role, reply.status, found, expected(route, role)))
            assert reply.status != 500, (route.path, reply.text)
    assert wrong == [], wrong


def test_no_route_changes_something_without_the_token_of_the_form(people):
    admin = people[Role.ADMIN]
    unsafe = [route for route in routes.ROUTES if not route.is_safe and route.permission is not Permission.PUBLIC]
    assert unsafe
    for route in unsafe:
        assert ask(admin, route, "").status == 403, route.path
        assert ask(admin, route, "0" * 32).status == 403, route.path


def test_every_route_but_those_for_everybody_has_a_permission():
    public = {route.path for route in routes.ROUTES if route.permission is Permission.PUBLIC}
    assert public == {
        "/",
        "/healthz",
        "/login",
        "/openapi.json",
        "/openapi.yaml",
        "/static/{name}",
        "/theme",
        "/v1/{path:.*}",
    }


def test_the_navigation_leads_to_routes_with_the_same_permission():
    by_path = {route.path: route for route in routes.ROUTES if route.method == "GET"}
    for entry in routes.NAVIGATION:
        assert by_path[entry.path].permission is entry.permission


def test_every_response_has_its_headers(people):
    for path in ("/login", "/mainmenu", "/nothing", "/static/app.css", "/api/me", "/logs/none"):
        headers = people[Role.ADMIN].get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "aiohttp" not in headers["Server"]
        assert headers["Cache-Control"] == ("public, max-age=3600" if "static" in path else "no-store")


def test_what_is_no_page_says_so_to_people_and_programs(people):
    admin = people["admin"]
    page = admin.get("/nothing/is/here", Accept="text/html")
    assert (page.status, "Page not found." in page.text, ">Overview<" in page.text) == (404, True, True)
    stranger = Browser(admin.port).get("/nothing", Accept="text/html,*/*")
    assert (stranger.status, ">Overview<" in stranger.text, "Sign in" in stranger.text) == (404, False, True)
    assert admin.get("/nothing").text == "Not found\n"


def test_pages_are_compressed_but_not_the_answers_to_forms(people):
    admin = people["admin"]
    reply = admin.get("/users", Accept_Encoding="gzip")
    assert reply.headers["Content-Encoding"] == "gzip"
    assert "New user" in gzip.decompress(reply.body).decode()
    form = admin.request("POST", "/users", b"", {"Accept-Encoding": "gzip"})
    assert form.headers["Content-Encoding"] is None


def test_hostile_addresses(people):
    admin = people[Role.ADMIN]
    for path in (
        "/static/../gui_config.json",
        "/static/..%2f..%2fetc%2fpasswd",
        "/static/licences/lucide",
        "/logs/%00",
    ):
        assert admin.get(path).status == 404, path
    page = admin.get("/logs?router=%3Cscript%3Ealert(1)%3C/script%3E&status=%22onload=x")
    assert "<script>alert" not in page.text
    assert '"onload' not in page.text
    assert admin.get("/logs?" + "x" * 20_000).status in {400, 414}
    assert admin.get("/mainmenu/").location == "/mainmenu"
    assert admin.get("//evil.example/").status == 404
