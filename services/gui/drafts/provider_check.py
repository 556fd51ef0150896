"""Checks a provider of a draft: a gateway of its own asks it for its models, or sends it one token.

The gateway has the one provider only. The list of models is free at all providers that have one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.gui.drafts import json_edit
from services.gui.drafts.config_desk import ConfigDesk
from services.gui.drafts.json_document import Document
from services.gui.drafts.trial import Call, ScratchGateway, TrialFailed, apart, scratch_gateway, send

UNLISTED = frozenset({"azure", "bedrock", "vertex"})
"""Dialects whose models the gateway cannot list: they are checked with a token only."""

_ROUTER = "/check/"
_LIST_S = 35.0  # the gateway gives a provider 30
_POLL_S = 0.1
_MOST_NAMED = 200
_LISTED, _NOT_LISTED = "models of a provider listed", "models of a provider cannot be listed"
_NOT_NEEDED = ("/request", "/response", "/models", "/quotas", "/budget", "/routers")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a provider has answered. `models` are those that it lists, `reply` the beginning of an answer."""

    duration_ms: float
    status: int = 200
    models: tuple[str, ...] = ()
    reply: str = ""
    reason: str = ""

    @property
    def is_good(self) -> bool:
        return not self.reason


def check_config(document: Document, name: str, port: int, bus: tuple[int, str]) -> Document:
    """The draft with one provider, and one router that leads to it. Raises LookupError."""
    entries = document.value().get("providers", ())
    found = [index for index, one in enumerate(entries) if isinstance(one, dict) and one.get("name") == name]
    if not found:
        raise LookupError(f"the draft has no provider {name}")
    for index in reversed(range(len(entries))):
        if index != found[0]:
            document = json_edit.remove(document, f"/providers/{index}")
    document = json_edit.set_value(document, "/providers/0/discover", value=True)
    if document.find("/providers/0/enabled") is not None:
        document = json_edit.set_value(document, "/providers/0/enabled", value=True)
    for pointer in _NOT_NEEDED:
        if document.find(pointer) is not None:
            document = json_edit.remove(document, pointer)
    router = {"path": _ROUTER, "ingress": {"headers": {}}, "outbound": {"models": ["*"], "default_provider": name}}
    return apart(json_edit.set_value(document, "/routers", [router]), port, bus)


async def check(desk: ConfigDesk, data: bytes, name: str, model: str = "") -> Checked:
    """List the models of a provider, or with a `model` ask it for one token, which costs.

    Raises TrialFailed, NotJson, LookupError, OSError.
    """

    def scratch(draft: Document, port: int, bus: tuple[int, str]) -> Document:
        return check_config(draft, name, port, bus)

    async with scratch_gateway(desk, data, scratch) as gateway:
        return await (_one_token(gateway, name, model) if model else _models(gateway))


async def _one_token(gateway: ScratchGateway, name: str, model: str) -> Checked:
    body = {"model": f"{name}/{model}", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    headers = {"Content-Type": "application/json"}
    found = await send(Call(_ROUTER, "POST", "chat/completions", json.dumps(body), headers), gateway.port)
    good = found.status < 400  # noqa: PLR2004 - HTTP
    return Checked(found.duration_ms, found.status, reply=found.body, reason="" if good else f"status {found.status}")


async def _models(gateway: ScratchGateway) -> Checked:
    """Wait until the gateway says in its log that it has the list of models, or cannot get it."""
    clock = asyncio.get_running_loop().time
    begin = clock()
    while clock() - begin < _LIST_S:
        for line in _log(gateway.log):
            if line.get("msg") == _NOT_LISTED:
                return Checked((clock() - begin) * 1000, reason=str(line.get("reason", "")))
            if line.get("msg") == _LISTED:
                duration_ms = (clock() - begin) * 1000
                return Checked(duration_ms, models=await _names(gateway))
        await asyncio.sleep(_POLL_S)
    raise TrialFailed("the provider has not listed its models in time")


async def _names(gateway: ScratchGateway) -> tuple[str, ...]:
    found = await send(Call(_ROUTER, "GET", "models"), gateway.port)
    try:
        names = [str(one["id"]).partition("/")[2] or str(one["id"]) for one in json.loads(found.body)["data"]]
    except (ValueError, LookupError, TypeError):
        return ()
    return tuple(names[:_MOST_NAMED])


def _log(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text("utf-8", "replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry
