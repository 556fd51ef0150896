"""The application: every request passes through here before its handler, and every response after it.

client address → cross-site headers → session or token → permission → form and its token → handler → security headers
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.typedefs import Handler, Middleware
from multidict import MultiDict

from gecholog.errors import GechologError
from gecholog.logs import Log
from services.gui.access import cross_site, links, security_headers
from services.gui.access.client_address import Client, client_of
from services.gui.fair_slots import TooBusy
from services.gui.roles import Permission
from services.gui.store import sessions, tokens
from services.gui.web.dependencies import Dependencies
from services.gui.web.route import Route
from services.gui.web.visit import Account, Refused, Visit

log = Log("web")

COOKIE, SECURE_COOKIE = "mysession", "__Host-mysession"
_LARGEST_BODY = 1024 * 1024
_BEARER = "Bearer "
_RETRY_S = "2"  # when there may be room for work that was refused
_FORM = "application/x-www-form-urlencoded"
_REASONS = {
    400: "The request is invalid",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Not found",
    409: "Conflict",
    413: "Too large",
    422: "Not possible",
    423: "Locked",
    429: "Too many",
    500: "Internal error",
    503: "Not available",
}


def make_app(routes: Iterable[Route], deps: Dependencies) -> web.Application:
    """The application that serves these routes, and nothing else."""
    app = web.Application(middlewares=[_border(deps)], client_max_size=_LARGEST_BODY)
    for route in routes:
        endpoint = _endpoint(route, deps)
        if route.method == "GET":
            app.router.add_get(route.path, endpoint)
        else:
            app.router.add_route(route.method, route.path, endpoint)
    return app


def _border(deps: Dependencies) -> Middleware:
    """Answers what no route answers, and gives every response its headers."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except web.HTTPException as error:
            status = 404 if error.status == 405 else error.status  # noqa: PLR2004 - HTTP
            response = _without_slash(request) or await _no_route(request, deps, status)
        if not response.prepared:
            client = _client(request, deps)
            may_be_stored = "Cache-Control" in response.headers
            for name, value in security_headers.headers(
                is_secure=client.is_secure, may_be_stored=may_be_stored
            ).items():
                response.headers.setdefault(name, value)
        return response

    return middleware


def _without_slash(request: web.Request) -> web.Response | None:
    """Leads from an address with a slash at its end to the one without, as the original does."""
    path = request.path
    if len(path) < 2 or not path.endswith("/") or not links.is_local(path):  # noqa: PLR2004 - the root has one
        return None
    status = 301 if request.method in {"GET", "HEAD"} else 307
    query = f"?{request.query_string}" if request.query_string else ""
    return web.Response(status=status, headers={"Location": links.relative(path, path.rstrip("/") or "/") + query})


async def _nowhere(_visit: Visit) -> web.StreamResponse:
    """Never called: the handler of what is no route."""
    raise Refused(404, "page not found")


async def _no_route(request: web.Request, deps: Dependencies, status: int) -> web.Response:
    """The answer where no route is: a page for people, a line for programs."""
    reason = _REASONS.get(status, "Error")
    if request.method != "GET" or "text/html" not in request.headers.get("Accept", ""):
        return web.Response(text=f"{reason}\n", status=status)
    route = Route("GET", request.path, Permission.PUBLIC, _nowhere, is_quiet=True)
    visit = Visit(request, route, deps, _client(request, deps), deps.clock())
    with contextlib.suppress(GechologError, OSError):  # then it is the page for those who are not signed in
        await _identify(visit)
    return _refusal(visit, status, "page not found")


def _client(request: web.Request, deps: Dependencies) -> Client:
    return client_of(request.remote or "", request.headers, deps.config.trusted_proxies, is_tls=request.secure)


def _endpoint(route: Route, deps: Dependencies) -> Handler:
    async def endpoint(request: web.Request) -> web.StreamResponse:
        begin = time.perf_counter()
        response = await answered(request)
        deps.metrics.request(request.method, route.path, response.status, route.kind, time.perf_counter() - begin)
        return response

    async def answered(request: web.Request) -> web.StreamResponse:
        visit = Visit(request, route, deps, _client(request, deps), deps.clock())
        try:
            return await _answer(visit)
        except Refused as error:
            return _refusal(visit, error.status, error.message)
        except web.HTTPRequestEntityTooLarge:
            return _refusal(visit, 413, f"at most {route.largest_body} bytes")
        except (BadHttpMessage, ValueError) as error:
            log.warning("request refused", path=request.path, reason=str(error))
            return _refusal(visit, 400, "it cannot be read")
        except (GechologError, OSError) as error:
            return _not_available(visit, error)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - a border: one page that fails must not take others along
            log.fault("request failed", error, path=request.path)
            return _refusal(visit, 500, "the log of gui has the reason")

    return endpoint


async def _answer(visit: Visit) -> web.StreamResponse:
    route = visit.route
    if route.is_passed_on:
        return await route.handler(visit)
    if not route.is_safe:
        _refuse_cross_site(visit)
    token = await _identify(visit)
    is_open = route.is_open(visit.deps.config)
    if visit.account is None and route.permission is not Permission.PUBLIC and not is_open:
        return _to_sign_in(visit)
    account = visit.account
    if account is not None and account.must_change and route.permission not in {Permission.PUBLIC, Permission.ACCOUNT}:
        if route.is_api:
            raise Refused(403, "change the password first")
        return visit.redirect("/password")
    if not is_open:
        visit.require(route.permission)
    if not route.is_safe:
        await _read_form(visit, token)
    response = await route.handler(visit)
    if token and not route.is_quiet and not response.prepared and not _sets_session(response):
        set_session(visit, response, token)
    return response


async def _identify(visit: Visit) -> str:
    """Find out who makes the request; returns the token of the session, empty for others."""
    request, now = visit.request, visit.now
    if visit.route.is_api and (header := request.headers.get("Authorization", "")).startswith(_BEARER):
        text = header[len(_BEARER) :].strip()
        found = await visit.deps.read(lambda connection: tokens.find(connection, text, now))
        if found is None:
            raise Refused(401, "the token is not valid")
        visit.account = Account(tokens.actor(found.name), found.role, maker=tokens.of_token(found.id))
        return ""
    cookie = request.cookies.get(SECURE_COOKIE if visit.client.is_secure else COOKIE, "")
    if not cookie:
        return ""
    resumed = await visit.deps.read(
        lambda connection: sessions.resume(
            connection, cookie, visit.deps.config.lifetime, now, touch=not visit.route.is_quiet
        )
    )
    if resumed is None:
        return ""
    session, user = resumed
    visit.account = Account(
        user.name,
        user.role,
        user.payloads,
        user.must_change,
        user.managed,
        session.id,
        sessions.csrf_token(cookie),
        tokens.of_user(user.id),
    )
    return cookie


def _refuse_cross_site(visit: Visit) -> None:
    """Raise Refused for a request that another site has made the browser send, as its headers say."""
    if problem := cross_site.problem(visit.request.headers, visit.request.host):
        log.warning("request refused", path=visit.path, reason=problem, address=visit.client.address)
        raise Refused(403, problem)


async def _read_form(visit: Visit, token: str) -> None:
    """Read the form, and raise Refused if it is not one that its session was given."""
    if visit.route.is_form and visit.request.content_type == _FORM:
        visit.form = await _form(visit)
    if not token or visit.route.permission is Permission.PUBLIC:
        return  # nobody is signed in by a cookie: there is nothing to abuse
    given = visit.request.headers.get("X-CSRF-Token") or str(visit.form.get("csrf_token", ""))
    if not cross_site.is_token(given, visit.user.csrf_token):
        raise Refused(403, "the form has no valid token: load its page again")


async def _form(visit: Visit) -> MultiDict[str]:
    request = visit.request.clone(client_max_size=visit.route.largest_body)
    found: MultiDict[str] = MultiDict()
    for name, value in (await request.post()).items():
        if isinstance(value, str):
            found.add(name, value)
    return found


def _to_sign_in(visit: Visit) -> web.Response:
    """Lead to the sign-in, and from there back to this page."""
    if visit.route.is_api:
        return _json_refusal(401, "sign in, or send a bearer token")
    back = visit.request.path_qs if visit.route.is_safe else ""
    target = visit.link("/login", next=back if links.is_local(back) and back not in {"/", "/mainmenu"} else None)
    response = web.Response(status=302, headers={"Location": target})
    if visit.is_htmx:
        response = web.Response(status=401, headers={"HX-Redirect": visit.link("/login")})
    clear_session(response, visit)
    return response


def set_session(visit: Visit, response: web.StreamResponse, token: str) -> None:
    """Send the cookie of a session, for as long as the session may be idle."""
    secure = visit.client.is_secure
    response.set_cookie(
        SECURE_COOKIE if secure else COOKIE,
        token,
        max_age=int(visit.deps.config.lifetime.idle_s),
        path="/",
        httponly=True,
        secure=secure,
        samesite="Lax",
    )


def clear_session(response: web.StreamResponse, visit: Visit) -> None:
    """Tell the browser to forget its session."""
    secure = visit.client.is_secure
    name = SECURE_COOKIE if secure else COOKIE
    response.set_cookie(name, "", max_age=0, path="/", httponly=True, secure=secure, samesite="Lax")


def _sets_session(response: web.StreamResponse) -> bool:
    return any(name in response.cookies for name in (COOKIE, SECURE_COOKIE))


def _refusal(visit: Visit, status: int, message: str) -> web.Response:
    if visit.route.is_api:
        return _json_refusal(status, message)
    return visit.page("error.html", status, code=status, title=_REASONS.get(status, "Error"), message=message)


def _not_available(visit: Visit, error: GechologError | OSError) -> web.Response:
    """The answer when something is missing, or too busy."""
    is_busy = isinstance(error, TooBusy)
    write = log.warning if is_busy else log.error
    reason = _file_reason(error) if isinstance(error, OSError) else str(error)
    write("request refused" if is_busy else "request failed", path=visit.path, reason=reason)
    response = _refusal(visit, 503, reason)
    if is_busy:
        response.headers["Retry-After"] = _RETRY_S
    return response


def _file_reason(error: OSError) -> str:
    """What is wrong with a file, without the number of the error."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason.lower()}" if error.filename else reason


def _json_refusal(status: int, message: str) -> web.Response:
    response = web.json_response({"error": {"status": status, "message": message}}, status=status)
    if status == 401:  # noqa: PLR2004 - HTTP
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
