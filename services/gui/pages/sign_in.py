"""Signing in and out, and changing one's own password."""

from __future__ import annotations

import asyncio
import sqlite3

from aiohttp import web

from gecholog.logs import Log
from services.gui import admin_account
from services.gui.access import links
from services.gui.fair_slots import TooBusy
from services.gui.roles import Permission
from services.gui.store import password, sessions, users
from services.gui.store.users import ADMIN, User
from services.gui.web.app import clear_session, set_session
from services.gui.web.rendering import THEME_COOKIE, THEMES
from services.gui.web.route import Route, get, post
from services.gui.web.visit import Refused, Visit

log = Log("sign in")

_LOCKED = 423
_WRONG = "The user name or the password is wrong."
_LARGEST_PUBLIC = 16 * 1024  # bytes of a form that anybody may send
_YEAR_S = 365 * 86_400


async def root(visit: Visit) -> web.StreamResponse:
    """The address without a path: to the overview, or to the sign-in."""
    return visit.redirect("/login" if visit.account is None else "/mainmenu")


async def form(visit: Visit) -> web.StreamResponse:
    """The form to sign in, also for those who are signed in."""
    return _form(visit, 200, visit.query.get("next", ""))


async def sign_in(visit: Visit) -> web.StreamResponse:
    """Check a password and begin a session. The original's form has a password only: that is the user admin's."""
    name = visit.form.get("user", "").strip() or ADMIN
    back, address = visit.form.get("next", ""), visit.client.origin_network
    if len(name) > users.LONGEST_NAME:
        return _form(visit, 400, back, _WRONG)
    attempts = visit.deps.attempts
    if seconds := attempts.locked_for(address, name, visit.now):
        return _locked(visit, seconds)
    attempts.begin(address, name)
    try:
        user = await _user_with_password(visit, name, visit.form.get("password", ""))
        if user is None:
            await asyncio.sleep(attempts.delay(name, visit.deps.clock()))
    except TooBusy:
        visit.deps.metrics.sign_in("busy")
        raise
    finally:
        attempts.end(address, name)
    now = visit.deps.clock()
    if seconds := attempts.lock_left(address, name, now):  # others have failed meanwhile
        return _locked(visit, seconds)
    if user is None:
        seconds = attempts.failed(address, name, now)
        log.warning("sign-in refused", user=name, address=visit.client.address, locked_seconds=int(seconds))
        visit.deps.metrics.sign_in("wrong")
        await visit.audit("sign-in refused", name, locked_seconds=int(seconds))
        return _locked(visit, seconds) if seconds else _form(visit, 400, back, _WRONG, name)
    attempts.succeeded(address, name)
    visit.deps.metrics.sign_in("ok")
    token = await _begin(visit, user)
    response = visit.redirect("/password") if user.must_change else _lead_back(visit, back)
    set_session(visit, response, token)
    return response


async def _user_with_password(visit: Visit, name: str, given: str) -> User | None:
    """The enabled user with this name and password. Takes as long for a name that does not exist."""
    deps = visit.deps
    user = await deps.read(lambda connection: users.find(connection, name))
    stored = user.password if user is not None and not user.managed else ""
    is_known = deps.attempts.is_known(visit.client.origin_network)
    fits = await deps.hasher.fits(given, stored, visit.client.neighbourhood, is_known=is_known)
    if user is not None and user.managed:
        fits = password.is_secret(given, deps.config.secret)
    return user if user is not None and fits and not user.disabled else None


async def _begin(visit: Visit, user: User) -> str:
    agent, address, now = visit.request.headers.get("User-Agent", ""), visit.client.address, visit.now

    def begin(connection: sqlite3.Connection) -> str:
        if visit.account is not None:  # a new id for a new sign-in in the same browser
            sessions.end(connection, visit.account.session)
        users.signed_in(connection, user.name, now)
        return sessions.start(connection, user.name, address, agent, now)[0]

    token = await visit.deps.read(begin)
    log.info("signed in", user=user.name, address=address)
    await visit.audit("sign in", user.name, actor=user.name)
    return token


def _lead_back(visit: Visit, back: str) -> web.Response:
    if not links.is_local(back):
        return visit.redirect("/mainmenu")
    return web.Response(status=302, headers={"Location": visit.link(back)})


def _locked(visit: Visit, seconds: float) -> web.Response:
    visit.deps.metrics.sign_in("locked")
    message = f"Too many wrong passwords. Try again in {max(1, round(seconds))} s."
    response = _form(visit, _LOCKED, "", message)
    response.headers["Retry-After"] = str(max(1, round(seconds)))
    return response


def _form(visit: Visit, status: int, back: str, message: str = "", name: str = "") -> web.Response:
    first_file = visit.deps.home / admin_account.SECRET_FILE
    return visit.page(
        "sign_in.html",
        status,
        next=back if links.is_local(back) else "",
        message=message,
        name=name,
        first_file=first_file if first_file.exists() else None,
    )


async def ask_sign_out(visit: Visit) -> web.StreamResponse:
    """The original signed out by a link. An old link leads to a page that asks."""
    return visit.page("sign_out.html")


async def sign_out(visit: Visit) -> web.StreamResponse:
    session = visit.user.session
    await visit.deps.read(lambda connection: sessions.end(connection, session))
    await visit.audit("sign out", visit.user.name)
    response = visit.redirect("/login")
    clear_session(response, visit)
    return response


async def password_form(visit: Visit) -> web.StreamResponse:
    return visit.page("password.html", message="", shortest=password.SHORTEST)


async def change_password(visit: Visit) -> web.StreamResponse:
    """Change one's own password. All other sessions of the user end."""
    account, deps = visit.user, visit.deps
    if account.managed:
        raise Refused(409, "your password is given by the environment (GUI_SECRET): change it there")
    given, fresh = visit.form.get("current", ""), visit.form.get("password", "")
    user = await deps.read(lambda connection: users.find(connection, account.name))
    if user is None or not await deps.hasher.fits(given, user.password, user.name, is_known=True):
        message = "The present password is wrong."
    elif fresh != visit.form.get("repeated", ""):
        message = "The two new passwords differ."
    elif fresh == given:
        message = "The new password must be another one."
    elif problem := password.problem(fresh, account.name):
        message = f"The new password {problem}."
    else:
        message = ""
    if message:
        return visit.page("password.html", 400, message=message, shortest=password.SHORTEST)
    stored = await deps.hasher.hashed(fresh, account.name)

    def store(connection: sqlite3.Connection) -> None:
        users.set_password(connection, account.name, stored, must_change=False)
        sessions.end_all(connection, account.name, but=account.session)

    await deps.read(store)
    if account.name == ADMIN:
        admin_account.forget_generated(deps.home)
    await visit.audit("change password", account.name)
    visit.flash("Your password is changed.")
    return visit.redirect("/mainmenu")


async def set_theme(visit: Visit) -> web.StreamResponse:
    """Remember in the browser whether pages are dark or light."""
    theme = visit.form.get("theme", "")
    if theme not in THEMES:
        raise Refused(400, "theme must be auto, light or dark")
    back = visit.form.get("next", "")
    response = _lead_back(visit, back)
    response.set_cookie(THEME_COOKIE, theme, max_age=_YEAR_S, path="/", httponly=False, samesite="Lax")
    return response


ROUTES = (
    get("/", Permission.PUBLIC, root),
    get("/login", Permission.PUBLIC, form),
    Route("POST", "/login", Permission.PUBLIC, sign_in, largest_body=_LARGEST_PUBLIC),
    get("/logout", Permission.ACCOUNT, ask_sign_out),
    post("/logout", Permission.ACCOUNT, sign_out),
    get("/password", Permission.ACCOUNT, password_form),
    post("/password", Permission.ACCOUNT, change_password),
    Route("POST", "/theme", Permission.PUBLIC, set_theme, largest_body=_LARGEST_PUBLIC),
)
NAVIGATION = ()
