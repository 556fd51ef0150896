"""The operations of the management API. They share their rules with the pages."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import asdict, replace
from typing import Any

import msgspec
import orjson

from gecholog import __version__, key_store
from gecholog.errors import GechologError
from gecholog.key_store import Contents, Exists
from gecholog.keys import KeyEntry, bucket_key
from gecholog.keys.credential import digest, new_key
from gecholog.keys.reading import InvalidEntry, as_json, key_of, time_text
from services.gui import appliance, key_form
from services.gui.api import types
from services.gui.api.config_operations import CONFIG_OPERATIONS
from services.gui.api.ledger_operations import LEDGER_OPERATIONS
from services.gui.api.operation import Operation
from services.gui.api.secret_operations import SECRET_OPERATIONS
from services.gui.live import anatomy
from services.gui.live.filters import CallFilter
from services.gui.live.record import CallSummary
from services.gui.pages import keys, users
from services.gui.pages.audit import number
from services.gui.roles import Permission
from services.gui.store import audit, sessions, tokens
from services.gui.store import users as stored_users
from services.gui.store.tokens import ApiToken
from services.gui.store.users import User, UserError
from services.gui.web.visit import Refused, Visit

_DAY_S = 86_400
_MOST = 500  # items of a list
_HASHES = frozenset({"hash", "previous_hash"})
_KEPT = ("id", "hash", "created", "foreign", "previous_hash", "previous_expires")  # which settings do not replace


def _time(seconds: float) -> str | None:
    return time_text(seconds) if seconds else None


# ------------------------------------------------------------------ appliance


async def health(visit: Visit, _: None) -> types.Health:
    found = await asyncio.to_thread(appliance.read, visit.deps.home)
    services = [types.Service(one.name, one.state, one.reason, one.checksum) for one in found.services]
    return types.Health(
        __version__,
        found.is_managed,
        found.is_healthy,
        visit.deps.bus.is_connected,
        list(found.problems),
        services,
    )


async def me(visit: Visit, _: None) -> types.Me:
    return types.Me(visit.user.name, visit.user.role, visit.user.payloads)


# ------------------------------------------------------------------ users and tokens


async def list_users(visit: Visit, _: None) -> list[types.UserOut]:
    return [_user(user) for user in await visit.deps.read(stored_users.all_users)]


def _user(user: User) -> types.UserOut:
    return types.UserOut(
        user.name,
        user.role,
        user.payloads,
        user.disabled,
        user.must_change,
        user.managed,
        time_text(user.created),
        _time(user.last_sign_in),
    )


async def create_user(visit: Visit, body: types.UserNew) -> types.FirstPassword:
    try:
        first = await users.add_user(visit, body.name, body.role, payloads=body.payloads)
    except UserError as error:
        raise Refused(409, str(error)) from error
    return types.FirstPassword(body.name, first)


async def change_user(visit: Visit, body: types.UserChange) -> types.UserOut:
    name = visit.request.match_info["name"]
    try:
        await users.set_user(visit, name, body.role, payloads=body.payloads, disabled=body.disabled)
    except UserError as error:
        raise Refused(409, str(error)) from error
    found = await visit.deps.read(lambda connection: stored_users.find(connection, name))
    if found is None:
        raise Refused(404, "user not found")
    return _user(found)


async def delete_user(visit: Visit, _: None) -> None:
    try:
        await users.remove_user(visit, visit.request.match_info["name"])
    except UserError as error:
        raise Refused(409, str(error)) from error


async def list_tokens(visit: Visit, _: None) -> list[types.TokenOut]:
    return [_token(token) for token in await visit.deps.read(tokens.all_tokens)]


def _token(token: ApiToken) -> types.TokenOut:
    return types.TokenOut(
        token.id,
        token.name,
        token.role,
        token.made_by,
        time_text(token.created),
        time_text(token.expires),
        _time(token.used),
    )


async def create_token(visit: Visit, body: types.TokenNew) -> types.TokenMade:
    try:
        text, token = await users.add_token(visit, body.name, body.role, body.days)
    except UserError as error:
        raise Refused(400, str(error)) from error
    return types.TokenMade(text, _token(token))


async def delete_token(visit: Visit, _: None) -> None:
    await users.remove_token(visit, visit.request.match_info["id"])


async def list_sessions(visit: Visit, _: None) -> list[types.SessionOut]:
    def read(connection: sqlite3.Connection) -> list[types.SessionOut]:
        found = sessions.all_sessions(connection, visit.deps.config.lifetime, visit.now)
        return [
            types.SessionOut(one.id, one.user, one.address, one.agent, time_text(one.created), time_text(one.seen))
            for one in found
        ]

    return await visit.deps.read(read)


async def end_session(visit: Visit, _: None) -> None:
    name = visit.request.match_info["id"]
    ended = await visit.deps.read(lambda connection: sessions.end(connection, name))
    if ended is None:
        raise Refused(404, "this session has ended already")
    await visit.audit("end session", ended.user, session=ended.id)


# ------------------------------------------------------------------ audit log and calls


async def list_audit(visit: Visit, _: None) -> list[types.AuditOut]:
    limit, before = _limit(visit), number(visit.query.get("before", ""))
    text = visit.query.get("text", "")[:200]
    found = await visit.deps.read(lambda connection: audit.page(connection, limit, before, text))
    return [types.AuditOut(number=entry.number, **entry.as_json()) for entry in found]


async def list_calls(visit: Visit, _: None) -> list[types.Call]:
    return [_call(one) for one in visit.deps.live.latest(CallFilter.of(visit.query), _limit(visit))]


def _call(call: CallSummary) -> types.Call:
    return types.Call(**asdict(call) | {"started": time_text(call.started)})


async def show_call(visit: Visit, _: None) -> dict[str, Any]:
    """The record of a call; without payloads for those who may not see them."""
    transaction_id = visit.request.match_info["id"]
    found = visit.deps.live.find(transaction_id)
    if found is None or found.record is None:
        raise Refused(404, "this call is not among the latest ones; the record log of the sinks has it")
    record: dict[str, Any] = json.loads(found.record)
    if not visit.allows(Permission.SEE_PAYLOADS):
        return anatomy.without_payloads(record)
    await visit.audit("see payloads", transaction_id)
    return record


def _limit(visit: Visit) -> int:
    return min(_MOST, number(visit.query.get("limit", "")) or 100)


# ------------------------------------------------------------------ client keys


async def list_keys(visit: Visit, _: None) -> list[types.KeyOut]:
    async with keys.opened(visit) as store:
        contents = await store.read()
    return [_key(visit, key, contents) for key in contents.keys.values()]


async def show_key(visit: Visit, _: None) -> types.KeyOut:
    async with keys.opened(visit) as store:
        contents = await store.read()
    return _key(visit, _one(visit, contents), contents)


def _key(visit: Visit, key: KeyEntry, contents: Contents) -> types.KeyOut:
    entry = {name: value for name, value in as_json(key).items() if name not in _HASHES}
    return types.KeyOut(key.id, key_form.state(key, visit.now), contents.revisions[bucket_key.of_key(key.id)], entry)


def _one(visit: Visit, contents: Contents) -> KeyEntry:
    key = contents.keys.get(visit.request.match_info["id"])
    if key is None:
        raise Refused(404, "key not found")
    return key


def _with_settings(key: KeyEntry, settings: types.KeySettings) -> KeyEntry:
    """The key with these settings in place of its own. Raises Refused."""
    kept = {name: value for name, value in as_json(key).items() if name in _KEPT}
    given = {name: value for name, value in msgspec.to_builtins(settings).items() if value is not None}
    try:
        return key_of(orjson.dumps(kept | given))
    except InvalidEntry as error:
        raise Refused(400, str(error)) from error


async def create_key(visit: Visit, body: types.KeySettings) -> types.KeyMade:
    fresh = new_key()
    key = _with_settings(KeyEntry(fresh.id, digest(fresh.text), created=float(int(visit.now))), body)
    async with keys.opened(visit) as store:
        await store.create(key)
        contents = await store.read()
    await visit.audit("create client key", key.id, name=key.name, owner=key.owner)
    return types.KeyMade(fresh.text, _key(visit, key, contents))


async def change_key(visit: Visit, body: types.KeySettings) -> types.KeyOut:
    """Replace the settings of a key. `If-Match` may have the revision that the change is based on."""
    async with keys.opened(visit) as store:
        contents = await store.read()
        key = _with_settings(_one(visit, contents), body)
        await _update(store, key, contents, visit)
        contents = await store.read()
    await visit.audit("change client key", key.id, name=key.name)
    return _key(visit, key, contents)


async def rotate_key(visit: Visit, body: types.KeyRotation) -> types.KeyMade:
    async with keys.opened(visit) as store:
        contents = await store.read()
        text = new_key(_one(visit, contents).id).text
        key = key_store.rotated(_one(visit, contents), text, float(int(visit.now) + body.days * _DAY_S))
        await _update(store, key, contents, visit)
        contents = await store.read()
    await visit.audit("rotate client key", key.id, name=key.name, days=body.days)
    return types.KeyMade(text, _key(visit, key, contents))


async def _update(store: key_store.KeyStore, key: KeyEntry, contents: Contents, visit: Visit) -> None:
    """Store a key, unless it has changed since the revision that the client knows. Raises Refused."""
    present = contents.revisions[bucket_key.of_key(key.id)]
    wanted = number(visit.request.headers.get("If-Match", "").strip('"')) or present
    try:
        await store.update(key, wanted)
    except Exists as error:
        raise Refused(412, "someone has changed this key meanwhile") from error


async def disable_key(visit: Visit, _: None) -> types.KeyOut:
    return await _switch(visit, disabled=True)


async def enable_key(visit: Visit, _: None) -> types.KeyOut:
    return await _switch(visit, disabled=False)


async def _switch(visit: Visit, *, disabled: bool) -> types.KeyOut:
    async with keys.opened(visit) as store:
        contents = await store.read()
        key = replace(_one(visit, contents), disabled=disabled)
        await _update(store, key, contents, visit)
        contents = await store.read()
    await visit.audit(f"{'disable' if disabled else 'enable'} client key", key.id, name=key.name)
    return _key(visit, key, contents)


async def delete_key(visit: Visit, _: None) -> None:
    async with keys.opened(visit) as store:
        key = _one(visit, await store.read())
        try:
            await store.delete(bucket_key.of_key(key.id))
        except GechologError as error:
            raise Refused(503, str(error)) from error
    await visit.audit("delete client key", key.id, name=key.name)


_VIEW, _KEYS, _ADMIN = Permission.VIEW, Permission.EDIT_KEYS, Permission.ADMINISTER
_LIMIT = ("limit", f"How many entries at most: 1 to {_MOST}, 100 without it.")
_CALLS = (
    ("router", "Text in the path of the router."),
    ("model", "Text in the name of the model."),
    ("client", "Text in the name of the client key."),
    ("status", "A status, or ok, error, 4xx, 5xx."),
    _LIMIT,
)
_AUDIT = (("text", "Text in an entry."), ("before", "The number of the last entry of the page before."), _LIMIT)

OPERATIONS = (
    Operation("GET", "/health", _VIEW, "The health of the appliance and its services", health, types.Health),
    Operation("GET", "/me", Permission.ACCOUNT, "Who makes the request", me, types.Me),
    Operation("GET", "/calls", _VIEW, "The latest calls", list_calls, list[types.Call], query=_CALLS),
    Operation("GET", "/calls/{id}", _VIEW, "The record of one of the latest calls", show_call, dict[str, Any]),
    Operation("GET", "/keys", _VIEW, "All client keys", list_keys, list[types.KeyOut]),
    Operation("POST", "/keys", _KEYS, "Make a client key", create_key, types.KeyMade, types.KeySettings, 201),
    Operation("GET", "/keys/{id}", _VIEW, "One client key", show_key, types.KeyOut),
    Operation("PUT", "/keys/{id}", _KEYS, "Replace the settings of a key", change_key, types.KeyOut, types.KeySettings),
    Operation(
        "POST", "/keys/{id}/rotate", _KEYS, "Give a key a new secret", rotate_key, types.KeyMade, types.KeyRotation
    ),
    Operation("POST", "/keys/{id}/disable", _KEYS, "Refuse a key until it is enabled", disable_key, types.KeyOut),
    Operation("POST", "/keys/{id}/enable", _KEYS, "Accept a disabled key again", enable_key, types.KeyOut),
    Operation("DELETE", "/keys/{id}", _KEYS, "Delete a client key", delete_key, None, status=204),
    Operation("GET", "/users", _ADMIN, "All users", list_users, list[types.UserOut]),
    Operation("POST", "/users", _ADMIN, "Make a user", create_user, types.FirstPassword, types.UserNew, 201),
    Operation("PUT", "/users/{name}", _ADMIN, "Change a user", change_user, types.UserOut, types.UserChange),
    Operation("DELETE", "/users/{name}", _ADMIN, "Delete a user", delete_user, None, status=204),
    Operation("GET", "/sessions", _ADMIN, "All sessions", list_sessions, list[types.SessionOut]),
    Operation("DELETE", "/sessions/{id}", _ADMIN, "End a session", end_session, None, status=204),
    Operation("GET", "/tokens", _ADMIN, "All API tokens", list_tokens, list[types.TokenOut]),
    Operation("POST", "/tokens", _ADMIN, "Make an API token", create_token, types.TokenMade, types.TokenNew, 201),
    Operation("DELETE", "/tokens/{id}", _ADMIN, "Revoke an API token", delete_token, None, status=204),
    Operation("GET", "/audit", _ADMIN, "The audit log", list_audit, list[types.AuditOut], query=_AUDIT),
    *CONFIG_OPERATIONS,
    *SECRET_OPERATIONS,
    *LEDGER_OPERATIONS,
)
