"""The operations on the secret store. Values go in, and never out."""

from __future__ import annotations

import asyncio

from gecholog.keys.reading import time_text
from gecholog.secret_key import SecretStoreError
from gecholog.secret_store import StoredSecret
from services.gui.api import types
from services.gui.api.operation import Operation
from services.gui.pages import secrets
from services.gui.roles import Permission
from services.gui.web.visit import Refused, Visit

_EDIT, _ADMIN = Permission.EDIT_CONFIG, Permission.ADMINISTER


def _secret(one: StoredSecret) -> types.SecretOut:
    return types.SecretOut(one.name, list(one.hosts), time_text(one.changed), one.changed_by)


async def list_secrets(visit: Visit, _: None) -> list[types.SecretOut]:
    return [_secret(one) for one in await asyncio.to_thread(visit.deps.desk.secrets.entries)]


async def store_secret(visit: Visit, body: types.SecretNew) -> types.SecretOut:
    """Store a secret, in place of one of the same name."""
    name = visit.request.match_info["name"]
    try:
        await secrets.put(visit, name, body.value, body.hosts)
    except SecretStoreError as error:
        raise Refused(400, str(error)) from error
    found = [one for one in await asyncio.to_thread(visit.deps.desk.secrets.entries) if one.name == name]
    if not found:
        raise Refused(409, "someone has deleted it meanwhile")
    return _secret(found[0])


async def delete_secret(visit: Visit, _: None) -> None:
    await secrets.remove(visit, visit.request.match_info["name"])


SECRET_OPERATIONS = (
    Operation("GET", "/secrets", _EDIT, "The names and hosts of all secrets", list_secrets, list[types.SecretOut]),
    Operation("PUT", "/secrets/{name}", _ADMIN, "Store a secret", store_secret, types.SecretOut, types.SecretNew),
    Operation("DELETE", "/secrets/{name}", _ADMIN, "Delete a secret", delete_secret, None, status=204),
)
