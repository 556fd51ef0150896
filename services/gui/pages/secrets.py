"""The secrets of the store: their names and hosts. Their values are never shown again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from aiohttp import web

from gecholog import environment, regular_file, secret_hosts
from gecholog.environment import SECRET
from gecholog.secret_key import SecretStoreError
from gecholog.secret_store import StoredSecret
from services.gui.drafts.config_desk import ConfigDesk
from services.gui.roles import Permission
from services.gui.web.route import NavigationEntry, get, post
from services.gui.web.visit import Refused, Visit


async def show(visit: Visit) -> web.StreamResponse:
    """The list, and the form for those who may write."""
    return await _page(visit)


async def _page(visit: Visit, status: int = 200, message: str = "") -> web.Response:
    desk = visit.deps.desk
    try:
        found = await asyncio.to_thread(desk.secrets.entries)
    except SecretStoreError as error:
        found, status, message = (), 503, message or str(error)
    form = visit.form
    return visit.page(
        "secrets.html",
        status,
        title="Secrets",
        secrets=found,
        used=await asyncio.to_thread(users_of, desk),
        message=message,
        name=form.get("name", "") or visit.query.get("name", ""),
        hosts=form.get("hosts", "") or "\n".join(_hosts(found, visit.query.get("name", ""))),
        may_write=visit.allows(Permission.ADMINISTER),
        now=visit.now,
    )


def _hosts(found: Iterable[StoredSecret], name: str) -> tuple[str, ...]:
    return next((one.hosts for one in found if one.name == name), ())


def users_of(desk: ConfigDesk) -> dict[str, list[str]]:
    """By the names of secrets, the titles of the deployed files that name them."""
    found: dict[str, list[str]] = {}
    for store in desk.stores():
        try:
            text = regular_file.read_bytes(store.file.production).decode("utf-8-sig", "replace")
        except OSError:
            continue
        for name in dict.fromkeys(name for names in environment.names_in(text) for name in names):
            if name.startswith(SECRET):
                found.setdefault(name.removeprefix(SECRET), []).append(store.file.title)
    return found


async def save(visit: Visit) -> web.StreamResponse:
    """Store a secret, in place of one of the same name."""
    form = visit.form
    name = form.get("name", "").strip()
    try:
        replaced = await put(visit, name, form.get("value", ""), form.get("hosts", "").replace(",", "\n").split("\n"))
    except SecretStoreError as error:
        return await _page(visit, 400, f"Not stored: {error}.")
    visit.flash(f"The secret {name} is {'replaced' if replaced else 'stored'}. Write it as ${{secret:{name}}}.")
    return visit.redirect("/secrets")


async def put(visit: Visit, name: str, value: str, hosts: Iterable[str]) -> bool:
    """Store a secret; returns whether it replaces one. Raises SecretStoreError."""
    store, by, named = visit.deps.desk.secrets, visit.user.name, tuple(hosts)
    before = await asyncio.to_thread(store.put, name, value.strip("\r\n"), named, by)
    was = None if before is None else list(before.hosts)
    await visit.audit("store secret", name, hosts=list(secret_hosts.hosts_of(named)), was=was)
    return before is not None


async def delete(visit: Visit) -> web.StreamResponse:
    name = visit.request.match_info["name"]
    await remove(visit, name)
    visit.flash(f"The secret {name} is deleted.")
    return visit.redirect("/secrets")


async def remove(visit: Visit, name: str) -> None:
    """Delete a secret. Raises Refused, SecretStoreError."""
    deleted = await asyncio.to_thread(visit.deps.desk.secrets.delete, name)
    if deleted is None:
        raise Refused(404, "secret not found")
    await visit.audit("delete secret", name, was=list(deleted.hosts))


ROUTES = (
    get("/secrets", Permission.EDIT_CONFIG, show),
    post("/secrets", Permission.ADMINISTER, save),
    post("/secrets/{name}/delete", Permission.ADMINISTER, delete),
)
NAVIGATION = (NavigationEntry("Secrets", "/secrets", "lock", 60, Permission.EDIT_CONFIG),)
