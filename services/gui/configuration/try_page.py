"""Try a router of the draft before it is deployed."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from gecholog.errors import NotJson
from services.gui.configuration.deploy_page import refused_flows
from services.gui.configuration.list_page import FILE
from services.gui.configuration.opened import Opened, audit, opened, require_edit
from services.gui.drafts.trial import Call, Outcome, TrialFailed, run
from services.gui.drafts.write_error import CannotWrite
from services.gui.fair_slots import FairSlots
from services.gui.roles import Permission
from services.gui.web.visit import Refused, Visit

_DUMMY = "dummy"
_METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE")
# Each starts two processes, and may take minutes.
trials = FairSlots(1, 4, 1, "other trials are running: try again when they have ended")


async def show(visit: Visit) -> web.StreamResponse:
    """The form, filled with a call that fits the router."""
    found = await opened(visit, FILE)
    config, router = found.require_document().value(), visit.query.get("router", "")
    if router and router not in [entry.get("path") for entry in config.get("routers", ()) if isinstance(entry, dict)]:
        raise Refused(404, f"the draft has no router {router}")
    return _page(found, example(config, router))


def example(config: Any, router: str) -> Call:
    """A call that a router may take: a short chat, with a model of the draft if the router is one of models."""
    routers = [entry for entry in config.get("routers", ()) if isinstance(entry, dict)]
    path = router or next((str(entry.get("path")) for entry in routers if entry.get("path")), "/")
    outbound = next((entry.get("outbound") for entry in routers if entry.get("path") == path), None)
    has_models = isinstance(outbound, dict) and "models" in outbound
    body = {
        "model": _DUMMY if not has_models or _has_dummy(config) else _first_model(config),
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 16,
    }
    return Call(path, "POST", "chat/completions" if has_models else "v1/chat/completions", json.dumps(body, indent=2))


def _has_dummy(config: Any) -> bool:
    """Whether a provider of the draft offers the model of the dummy LLM, which costs nothing and needs no key."""
    providers = [
        one for one in config.get("providers", ()) if isinstance(one, dict) and one.get("enabled") is not False
    ]
    return any(isinstance(one.get("models"), list) and _DUMMY in one["models"] for one in providers)


def _first_model(config: Any) -> str:
    names = [one.get("name") for one in config.get("models", ()) if isinstance(one, dict)]
    return next((name for name in names if isinstance(name, str) and "*" not in name), "")


def _page(
    found: Opened, call: Call, status: int = 200, *, outcome: Outcome | None = None, problem: str = ""
) -> web.Response:
    routers = found.require_document().value().get("routers", ())
    return found.visit.page(
        "try.html",
        status,
        **found.context,
        title="Try a router",
        call=call,
        paths=[entry["path"] for entry in routers if isinstance(entry, dict) and isinstance(entry.get("path"), str)],
        methods=_METHODS,
        outcome=outcome,
        problem=problem,
    )


async def send(visit: Visit) -> web.StreamResponse:
    """Start a gateway with the draft, send the call, and show the response."""
    found = await opened(visit, FILE)
    require_edit(visit, found.file)
    form = visit.form
    method = form.get("method", "POST")
    call = Call(
        router=form.get("router", ""),
        method=method if method in _METHODS else "POST",
        rest=form.get("rest", ""),
        body="" if method == "GET" else form.get("body", "").replace("\r\n", "\n"),
        headers={"Content-Type": "application/json"} if method != "GET" else {},
    )
    if problems := refused_flows(visit, found.flow_problems()):
        return _page(found, call, 403, problem=f"Only an admin may try this draft: {problems[0].message}.")
    if not found.is_valid:
        return _page(found, call, 422, problem="The draft is invalid.")
    await audit(visit, "try router", found.file, found.state.deployed_sha256, found.state.sha256, router=call.router)
    try:
        async with trials.taken(visit.user.name, is_known=visit.allows(Permission.EDIT_PROGRAMS)):
            outcome = await run(visit.deps.desk, found.state.data, call)
    except (LookupError, NotJson) as error:
        raise Refused(422, str(error).strip("'\"")) from None
    except (TrialFailed, CannotWrite, OSError) as error:
        return _page(found, call, 502, problem=str(error))
    return _page(found, call, outcome=outcome)
