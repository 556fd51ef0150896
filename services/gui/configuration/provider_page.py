"""The check of a provider: whether it answers with the key and the address of the draft."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gecholog.errors import NotJson
from services.gui.configuration.deploy_page import refused_flows
from services.gui.configuration.list_page import FILE, Item, items
from services.gui.configuration.opened import Opened, audit, opened, require_edit
from services.gui.configuration.try_page import trials
from services.gui.drafts.provider_check import UNLISTED, check
from services.gui.drafts.trial import TrialFailed
from services.gui.drafts.write_error import CannotWrite
from services.gui.roles import Permission
from services.gui.web.visit import Refused, Visit


async def show(visit: Visit) -> web.StreamResponse:
    """What can be asked of a provider, and what it costs."""
    found = await opened(visit, FILE)
    return _page(found, _provider(found, visit.query.get("name", "")))


def _provider(found: Opened, name: str) -> Item:
    """The entry of a provider. Raises Refused."""
    for item in items(found, "providers", "name"):
        if item.value.get("name") == name:
            return item
    raise Refused(404, "the draft has no such provider")


def _page(found: Opened, item: Item, status: int = 200, **shown: Any) -> web.Response:
    """The page; `shown` may have `result`, `problem` and `model`."""
    return found.visit.page(
        "provider_check.html",
        status,
        **found.context,
        title=f"Test {item.value.get('name')}",
        item=item,
        has_list=item.value.get("dialect") not in UNLISTED,
        known=_models(item.value),
        **{"result": None, "problem": "", "model": ""} | shown,
    )


def _models(provider: dict[str, Any]) -> list[str]:
    """The models that the provider is said to serve, without patterns."""
    found = provider.get("models")
    return [name for name in found if isinstance(name, str) and "*" not in name] if isinstance(found, list) else []


async def send(visit: Visit) -> web.StreamResponse:
    """Ask the provider: for its models, or for one token of the model that is named."""
    found = await opened(visit, FILE)
    require_edit(visit, found.file)
    item = _provider(found, visit.form.get("name", ""))
    name, is_token = str(item.value.get("name")), visit.form.get("op") == "token"
    model = visit.form.get("model", "").strip()
    if is_token and not model:
        return _page(found, item, 400, problem="Name the model to ask.")
    if problems := refused_flows(visit, found.flow_problems()):
        return _page(found, item, 403, problem=f"Only an admin may try this draft: {problems[0].message}.")
    if item.state in {"invalid", "not set", "rejected"}:
        reason = item.reason or next((one.message for one in item.findings), "it is invalid")
        return _page(found, item, 422, problem=f"The gateway would run without this provider: {reason}.")
    asked = {"provider": name} | ({"model": model} if is_token else {})
    await audit(visit, "test provider", found.file, found.state.deployed_sha256, found.state.sha256, **asked)
    try:
        async with trials.taken(visit.user.name, is_known=visit.allows(Permission.EDIT_PROGRAMS)):
            result = await check(visit.deps.desk, found.state.data, name, model if is_token else "")
    except (LookupError, NotJson) as error:
        raise Refused(422, str(error).strip("'\"")) from None
    except (TrialFailed, CannotWrite, OSError) as error:
        return _page(found, item, 502, problem=str(error), model=model)
    return _page(found, item, result=result, model=model)
