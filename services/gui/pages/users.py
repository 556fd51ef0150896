"""Users, their sessions, and the tokens of the management API."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from aiohttp import web

from services.gui.access import links
from services.gui.roles import Permission, Role
from services.gui.store import password, sessions, tokens, users
from services.gui.store.sessions import Session
from services.gui.store.tokens import ApiToken
from services.gui.store.users import User, UserError
from services.gui.web.route import NavigationEntry, get, post
from services.gui.web.visit import Refused, Visit

_DAY_S = 86_400
_LONGEST_TOKEN_DAYS = 366
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class _Everybody:
    users: list[User]
    sessions: list[Session]
    tokens: list[ApiToken]


async def list_users(visit: Visit) -> web.StreamResponse:
    return await _list(visit)


async def _list(
    visit: Visit, status: int = 200, message: str = "", secret: tuple[str, str] | None = None
) -> web.Response:
    """The page; `secret` is a new password or token, with its title, which is shown once."""
    found = await _everybody(visit)
    return visit.page(
        "users.html",
        status,
        title="Users",
        found=found,
        roles=list(Role),
        message=message,
        secret=secret,
        form=visit.form,
        now=visit.now,
    )


async def _everybody(visit: Visit) -> _Everybody:
    lifetime, now = visit.deps.config.lifetime, visit.now

    def read(connection: sqlite3.Connection) -> _Everybody:
        return _Everybody(
            users.all_users(connection),
            sessions.all_sessions(connection, lifetime, now),
            tokens.all_tokens(connection),
        )

    return await visit.deps.read(read)


async def create_user(visit: Visit) -> web.StreamResponse:
    """Add a user with a generated password, which is shown once and has to be changed."""
    name, role = visit.form.get("name", "").strip(), role_of(visit.form.get("role", ""))
    try:
        first = await add_user(visit, name, role, payloads="payloads" in visit.form)
    except UserError as error:
        return await _list(visit, 400, str(error))
    return await _list(visit, 201, secret=(f"The first password of {name}", first))


async def add_user(visit: Visit, name: str, role: Role, *, payloads: bool) -> str:
    """Add a user; returns the first password. Raises UserError."""
    if problem := users.name_problem(name):
        raise UserError(f"the name {problem}")
    first = password.generated()
    stored = await visit.deps.hasher.hashed(first, visit.user.name)
    user = User(name, role, stored, must_change=True, payloads=payloads, created=visit.now)
    await visit.deps.read(lambda connection: users.add(connection, user))
    await visit.audit("create user", name, role=role.value, payloads=payloads)
    return first


def role_of(text: str) -> Role:
    """The role with this name. Raises Refused."""
    try:
        return Role(text)
    except ValueError:
        raise Refused(400, "the role must be admin, editor or viewer") from None


async def change_user(visit: Visit) -> web.StreamResponse:
    """Change role and permissions of a user, whose sessions end."""
    name = visit.request.match_info["name"]
    try:
        await set_user(
            visit,
            name,
            role_of(visit.form.get("role", "")),
            payloads="payloads" in visit.form,
            disabled="disabled" in visit.form,
        )
    except UserError as error:
        return await _list(visit, 409, str(error))
    visit.flash(f"The user {name} is changed.")
    return visit.redirect("/users")


async def set_user(visit: Visit, name: str, role: Role, *, payloads: bool, disabled: bool) -> None:
    """Change a user. API tokens made by someone who may not make any more are revoked. Raises UserError."""
    if name == visit.user.name and (disabled or role is not visit.user.role):
        raise UserError("you cannot take your own rights away: ask another administrator")

    def change(connection: sqlite3.Connection) -> tuple[User, list[ApiToken]]:
        before = users.change(connection, name, role=role, payloads=payloads, disabled=disabled)
        if name != visit.user.name:
            sessions.end_all(connection, name)
        may_make = role is Role.ADMIN and not disabled
        return before, [] if may_make else tokens.delete_of(connection, tokens.of_user(before.id))

    before, revoked = await visit.deps.read(change)
    await visit.audit(
        "change user",
        name,
        was={"role": before.role.value, "payloads": before.payloads, "disabled": before.disabled},
        now={"role": role.value, "payloads": payloads, "disabled": disabled},
    )
    await _audit_revoked(visit, revoked)


async def new_password(visit: Visit) -> web.StreamResponse:
    """Give a user another generated password. Ends the user's sessions."""
    name = visit.request.match_info["name"]
    fresh = password.generated()
    stored = await visit.deps.hasher.hashed(fresh, visit.user.name)

    def change(connection: sqlite3.Connection) -> None:
        users.set_password(connection, name, stored, must_change=True)
        sessions.end_all(connection, name, but=visit.user.session)

    try:
        await visit.deps.read(change)
    except UserError as error:
        return await _list(visit, 409, str(error))
    await visit.audit("reset password", name)
    return await _list(visit, secret=(f"The new password of {name}", fresh))


async def delete_user(visit: Visit) -> web.StreamResponse:
    name = visit.request.match_info["name"]
    try:
        await remove_user(visit, name)
    except UserError as error:
        return await _list(visit, 409, str(error))
    visit.flash(f"The user {name} is deleted.")
    return visit.redirect("/users")


async def remove_user(visit: Visit, name: str) -> None:
    """Delete a user, with all sessions, and all API tokens made by the user. Raises UserError."""
    if name == visit.user.name:
        raise UserError("you cannot delete yourself")

    def delete(connection: sqlite3.Connection) -> list[ApiToken]:
        return tokens.delete_of(connection, tokens.of_user(users.delete(connection, name).id))

    revoked = await visit.deps.read(delete)
    await visit.audit("delete user", name)
    await _audit_revoked(visit, revoked)


async def _audit_revoked(visit: Visit, revoked: list[ApiToken]) -> None:
    for token in revoked:
        await visit.audit("revoke API token", token.name, id=token.id)


async def end_session(visit: Visit) -> web.StreamResponse:
    """Sign someone out."""
    session_id = visit.request.match_info["id"]
    ended = await visit.deps.read(lambda connection: sessions.end(connection, session_id))
    if ended is None:
        raise Refused(404, "this session has ended already")
    await visit.audit("end session", ended.user, session=ended.id)
    if ended.id == visit.user.session:
        return visit.redirect("/login")
    visit.flash(f"A session of {ended.user} is ended.")
    return visit.redirect("/users")


async def create_token(visit: Visit) -> web.StreamResponse:
    name, role = visit.form.get("name", "").strip(), role_of(visit.form.get("role", ""))
    try:
        text, _ = await add_token(visit, name, role, int(visit.form.get("days", "")))
    except (UserError, ValueError) as error:
        return await _list(visit, 400, str(error) if isinstance(error, UserError) else "the days must be a number")
    return await _list(visit, 201, secret=(f"The API token {name}", text))


async def add_token(visit: Visit, name: str, role: Role, days: int) -> tuple[str, ApiToken]:
    """Make an API token; returns its text and the token. Raises UserError."""
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise UserError(f"the name must have 1 to {_LONGEST_NAME} characters")
    if not 0 < days <= _LONGEST_TOKEN_DAYS:
        raise UserError(f"a token is valid for 1 to {_LONGEST_TOKEN_DAYS} days")
    by, expires = visit.user, visit.now + days * _DAY_S
    token = ApiToken(tokens.new_id(), name, role, by.name, visit.now, expires, maker=by.maker)

    def make(connection: sqlite3.Connection) -> str:
        if not tokens.may_make(connection, by.maker):  # since this request began
            raise UserError("you may not make tokens any more")
        return tokens.add(connection, token)

    text = await visit.deps.read(make)
    await visit.audit("create API token", name, role=role.value, days=days, id=token.id)
    return text, token


async def delete_token(visit: Visit) -> web.StreamResponse:
    token = await remove_token(visit, visit.request.match_info["id"])
    visit.flash(f"The token {token.name} is revoked.")
    return visit.redirect("/users")


async def remove_token(visit: Visit, token_id: str) -> ApiToken:
    """Revoke an API token, and those that were made with it. Raises Refused."""
    revoked = await visit.deps.read(lambda connection: tokens.delete(connection, token_id))
    if not revoked:
        raise Refused(404, "token not found")
    await _audit_revoked(visit, revoked)
    return revoked[0]


def address(name: str, action: str) -> str:
    """The address that does something to a user."""
    return f"/users/{links.segment(name)}/{action}"


_ADMIN = Permission.ADMINISTER
ROUTES = (
    get("/users", _ADMIN, list_users),
    post("/users", _ADMIN, create_user),
    post("/users/{name}/change", _ADMIN, change_user),
    post("/users/{name}/password", _ADMIN, new_password),
    post("/users/{name}/delete", _ADMIN, delete_user),
    post("/sessions/{id}/end", _ADMIN, end_session),
    post("/tokens", _ADMIN, create_token),
    post("/tokens/{id}/delete", _ADMIN, delete_token),
)
NAVIGATION = (NavigationEntry("Users", "/users", "users", 80, _ADMIN),)
