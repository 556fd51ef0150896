"""Client keys: what the command `keys` does, as pages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from gecholog import gateway_bus, key_store
from gecholog.errors import BusError
from gecholog.key_store import Contents, Exists, KeyStore
from gecholog.keys import KeyEntry, bucket_key
from gecholog.keys.credential import new_key
from services.gui import gateway, key_form, spent
from services.gui.access import links
from services.gui.key_form import WrongForm
from services.gui.roles import Permission
from services.gui.spent import Spending
from services.gui.web.route import NavigationEntry, get, post
from services.gui.web.visit import Refused, Visit

_DAY_S = 86_400
_GRACES = {"0": 0, "1": 1, "7": 7, "30": 30}
_STALE = {"": "someone has changed this key meanwhile: look at it again, and repeat your change"}
_EXAMPLE_MODEL = "dummy"
_NEEDS_PRICE = (
    f"With a budget in USD, this key is for models that have a price. `{_EXAMPLE_MODEL}` has none: name another model"
    " in these calls, or let the key call models without a known price."
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A new key, which is shown once, with calls that use it. `note` says what has to be changed in them."""

    title: str
    text: str
    snippets: list[tuple[str, str]]
    note: str = ""


@contextlib.asynccontextmanager
async def opened(visit: Visit) -> AsyncIterator[KeyStore]:
    """The keys of the gateway whose config the interface edits. Raises ConfigError, BusError."""
    deps = visit.deps
    where = gateway_bus.of_config(deps.config.applications["gl"].production_file, deps.home, deps.environ)
    async with key_store.opened(where.address, where.storage) as store:
        yield store


async def spending(visit: Visit, contents: Contents) -> Spending:
    """What keys and owners have used of their limits; nothing if that is not known now."""
    deps = visit.deps
    where = gateway_bus.of_config(deps.config.applications["gl"].production_file, deps.home, deps.environ)
    try:
        counted = await spent.counts(where, visit.now)
    except BusError:
        return Spending(contents, ())
    return spent.spending_of(contents, counted, visit.now)


async def list_keys(visit: Visit) -> web.StreamResponse:
    async with opened(visit) as store:
        contents = await store.read()
    return await _list(visit, contents)


async def _list(
    visit: Visit,
    contents: Contents,
    status: int = 200,
    problems: Mapping[str, str] | None = None,
    secret: Secret | None = None,
) -> web.Response:
    text = visit.query.get("text", "").strip().lower()
    rows = [key_form.row(key, visit.now) for key in contents.keys.values()]
    used = await spending(visit, contents)
    shown = [one for one in rows if text in f"{one.id} {one.name} {one.owner}".lower()]
    return visit.page(
        "keys.html",
        status,
        title="Client keys",
        used=used.by_id,
        owner_uses=[one for one in used.spenders if one.kind == "owner"],
        rows=sorted(shown, key=lambda one: (one.owner, one.name, one.id)),
        invalid=contents.invalid,
        owners=sorted(contents.owners),
        total=len(rows),
        text=text,
        problems=problems or {},
        values=dict(visit.form),
        secret=secret,
    )


async def create_key(visit: Visit) -> web.StreamResponse:
    """Make a key. Its text is shown once."""
    async with opened(visit) as store:
        try:
            key, text = key_form.created(visit.form, visit.now)
        except WrongForm as error:
            return await _list(visit, await store.read(), 400, error.problems)
        await store.create(key)
        contents = await store.read()
    await visit.audit("create client key", key.id, name=key.name, owner=key.owner)
    visit.form.clear()
    return await _list(visit, contents, 201, secret=await _secret(visit, f"The key {key.name}", text, key))


async def _secret(visit: Visit, title: str, text: str, key: KeyEntry) -> Secret:
    host = visit.request.host.rsplit(":", 1)[0] if "]" not in visit.request.host else visit.request.url.host
    file = visit.deps.config.applications["gl"].production_file
    found = await asyncio.to_thread(gateway.of_config, file, visit.deps.environ)
    calls = key_form.snippets(f"{found.scheme}://{host}:{found.port}", text, _EXAMPLE_MODEL)
    return Secret(title, text, calls, _NEEDS_PRICE if key_form.needs_price(key) else "")


async def show_key(visit: Visit) -> web.StreamResponse:
    async with opened(visit) as store:
        contents = await store.read()
    return await _show(visit, _one(visit, contents), contents)


async def _show(
    visit: Visit,
    key: KeyEntry,
    contents: Contents,
    problems: Mapping[str, str] | None = None,
    secret: Secret | None = None,
) -> web.Response:
    is_corrected = bool(problems)
    used = await spending(visit, contents)
    return visit.page(
        "key.html",
        409 if problems == _STALE else 400 if problems else 200,
        title=key.name or key.id,
        key=key_form.row(key, visit.now),
        used=used.by_id.get(("key", key.id)),
        owner_used=used.by_id.get(("owner", key.owner)),
        values=dict(visit.form) if is_corrected else key_form.values(key),
        revision=contents.revisions[bucket_key.of_key(key.id)],
        owners=sorted(contents.owners),
        problems=problems or {},
        secret=secret,
        graces=_GRACES,
        previous_expires=key.previous_expires if key.previous_expires > visit.now else 0.0,
    )


def _one(visit: Visit, contents: Contents) -> KeyEntry:
    key = contents.keys.get(visit.request.match_info["id"])
    if key is None:
        raise Refused(404, "key not found")
    return key


async def change_key(visit: Visit) -> web.StreamResponse:
    """Store what the form says, unless someone else was faster."""
    async with opened(visit) as store:
        contents = await store.read()
        key = _one(visit, contents)
        try:
            fresh = key_form.changed(key, visit.form, visit.now)
            await store.update(fresh, _revision(visit))
        except WrongForm as error:
            return await _show(visit, key, contents, error.problems)
        except Exists:
            return await _show(visit, key, contents, _STALE)
    await visit.audit("change client key", key.id, name=fresh.name)
    visit.flash(f"The key {fresh.name} is changed.")
    return visit.redirect(_address(key.id))


def _revision(visit: Visit) -> int:
    text = visit.form.get("revision", "")
    if not text.isdigit() or len(text) > 18:  # noqa: PLR2004 - fits 64 bits
        raise Refused(400, "the form has no revision: load its page again")
    return int(text)


async def rotate_key(visit: Visit) -> web.StreamResponse:
    """Give a key another secret; the present one is valid for some days more."""
    days = _GRACES.get(visit.form.get("grace", "1"))
    if days is None:
        raise Refused(400, "the days must be 0, 1, 7 or 30")
    text = new_key(visit.request.match_info["id"]).text
    until = float(int(visit.now) + days * _DAY_S)
    key, contents = await _replace(visit, lambda one: key_store.rotated(one, text, until))
    await visit.audit("rotate client key", key.id, name=key.name, days=days)
    return await _show(visit, key, contents, secret=await _secret(visit, f"The new key {key.name}", text, key))


async def disable_key(visit: Visit) -> web.StreamResponse:
    return await _switch(visit, disabled=True)


async def enable_key(visit: Visit) -> web.StreamResponse:
    return await _switch(visit, disabled=False)


async def _switch(visit: Visit, *, disabled: bool) -> web.Response:
    key, _ = await _replace(visit, lambda one: replace(one, disabled=disabled))
    what = "disable" if disabled else "enable"
    await visit.audit(f"{what} client key", key.id, name=key.name)
    visit.flash(f"The key {key.name or key.id} is {what}d.")
    return visit.redirect(_address(key.id))


async def _replace(visit: Visit, change: Any) -> tuple[KeyEntry, Contents]:
    async with opened(visit) as store:
        contents = await store.read()
        key: KeyEntry = change(_one(visit, contents))
        await store.update(key, contents.revisions[bucket_key.of_key(key.id)])
        return key, await store.read()


async def delete_key(visit: Visit) -> web.StreamResponse:
    async with opened(visit) as store:
        key = _one(visit, await store.read())
        await store.delete(bucket_key.of_key(key.id))
    await visit.audit("delete client key", key.id, name=key.name)
    visit.flash(f"The key {key.name or key.id} is deleted.")
    return visit.redirect("/keys")


def _address(key_id: str) -> str:
    return f"/keys/{links.segment(key_id)}"


_EDIT = Permission.EDIT_KEYS
ROUTES = (
    get("/keys", Permission.VIEW, list_keys),
    post("/keys", _EDIT, create_key),
    get("/keys/{id}", Permission.VIEW, show_key),
    post("/keys/{id}", _EDIT, change_key),
    post("/keys/{id}/rotate", _EDIT, rotate_key),
    post("/keys/{id}/disable", _EDIT, disable_key),
    post("/keys/{id}/enable", _EDIT, enable_key),
    post("/keys/{id}/delete", _EDIT, delete_key),
)
NAVIGATION = (NavigationEntry("Client keys", "/keys", "key-round", 70),)
