"""Lists of what is in the config of the gateway: routers, providers, models, processors."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from gecholog.breakerstatus import BreakerStatusFile
from gecholog.finding import Finding, Severity
from services.gui.configuration.deploy_page import refused_flows
from services.gui.configuration.opened import Opened, opened, work
from services.gui.drafts.dry_run import DryRun, dry_run
from services.gui.drafts.json_document import joined
from services.gui.drafts.schema_path import subschema
from services.gui.drafts.secret_values import HIDDEN, is_literal_secret
from services.gui.web.visit import Visit

FILE = "gl"
_SIDES_OF_ROUTER = ("ingress", "outbound")
_KEYS = {
    "required": "needs a client key",
    "remote": "needs a client key, except from this machine",
    "optional": "checks client keys that are sent",
}


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of a list in a config. `value` is as it stands in the draft, with variables not filled in."""

    pointer: str
    index: int
    value: dict[str, Any]
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    is_unset: bool = False

    @property
    def summary(self) -> str:
        """What a router asks of its callers, without values."""
        ingress, outbound = (
            part if isinstance(part := self.value.get(name), dict) else {} for name in _SIDES_OF_ROUTER
        )
        keys, headers = ingress.get("keys", "off"), ingress.get("headers")
        parts = [_KEYS.get(str(keys), "")]
        parts.append(f"requires {', '.join(headers)}" if isinstance(headers, dict) and headers else "")
        parts.append(str(outbound.get("endpoint") or ""))
        return " · ".join(filter(None, parts))

    @property
    def state(self) -> str:
        """What becomes of the entry: `valid`, `rejected` (the gateway runs without it), `not set` or `invalid`."""
        if any(one.severity is Severity.ERROR for one in self.findings):
            return "invalid"
        if self.is_unset:
            return "not set"
        if self.reason or any(one.consequence for one in self.findings):
            return "rejected"
        return "off" if self.value.get("enabled") is False else "valid"


@dataclass(slots=True)
class Group:
    """Entries under a heading. `pointer` is that of the list that they are in, if it has one of its own."""

    title: str = ""
    pointer: str = ""
    entries: list[Item] = field(default_factory=list)


def items(found: Opened, name: str, key: str) -> list[Item]:
    """The entries of a list of the draft. `key` is the field with their names."""
    document = found.require_document()
    node = document.find(f"/{name}")
    values = document.value(node) if node is not None else []
    told = () if found.validation is None else found.validation.left_out
    left_out = {one.name: one for one in told if one.list == name and one.name}
    made = []
    for index, value in enumerate(values if isinstance(values, list) else []):
        pointer = joined(f"/{name}", index)
        entry = value if isinstance(value, dict) else {}
        out = left_out.get(str(entry.get(key, "")))
        is_unset = out is not None and out.is_unset
        made.append(Item(pointer, index, entry, _within(found, pointer), out.reason if out else "", is_unset))
    return made


def _within(found: Opened, pointer: str) -> tuple[Finding, ...]:
    return tuple(one for one in found.findings if one.pointer == pointer or one.pointer.startswith(f"{pointer}/"))


def _shown(found: Opened, pointer: str, value: Any) -> str:
    """A string of the draft as this visitor may see it."""
    text = value if isinstance(value, str) else ""
    is_hidden = not found.may_see_secrets and is_literal_secret(subschema(found.schema, pointer), pointer, text)
    return HIDDEN if is_hidden else text


async def routers(visit: Visit) -> web.StreamResponse:
    """The routers by the address that they lead to, in the order of the file within each."""
    found = await opened(visit, FILE)
    groups: dict[str, Group] = defaultdict(Group)
    for item in items(found, "routers", "path"):
        title = _target(found, item)
        groups[title].title = title
        groups[title].entries.append(item)
    return visit.page("routers.html", **found.context, title="Routers", groups=list(groups.values()))


def _target(found: Opened, item: Item) -> str:
    outbound = item.value.get("outbound")
    if isinstance(outbound, dict) and "models" in outbound:
        return "Models"
    url = outbound.get("url") if isinstance(outbound, dict) else ""
    return _shown(found, f"{item.pointer}/outbound/url", url) or "no target"


async def providers(visit: Visit) -> web.StreamResponse:
    """The providers, with the variables that are missing, their circuit breakers, and how their latest calls went."""
    found = await opened(visit, FILE)
    breakers = await asyncio.to_thread(BreakerStatusFile.of(FILE, visit.deps.home).read)
    now = datetime.fromtimestamp(visit.now, UTC)
    by_provider = defaultdict(list)
    for one in breakers:
        told = {"target": one.target, "state": one.state(now), "reason": one.reason}
        by_provider[one.target.partition("/")[0]].append(told)
    return visit.page(
        "providers.html",
        **found.context,
        title="Providers",
        entries=items(found, "providers", "name"),
        breakers=by_provider,
        calls=visit.deps.live.by_provider(),
        now=visit.now,
        shown=lambda pointer, value: _shown(found, pointer, value),
    )


async def models(visit: Visit) -> web.StreamResponse:
    """The models and groups, and a dry run of a name."""
    found = await opened(visit, FILE)
    query = DryRun(visit.query.get("model", "").strip(), visit.query.get("prompt", ""), visit.query.get("rating", ""))
    result = None
    if query.model and (refused := refused_flows(visit, found.flow_problems())):
        result = f"Only an admin may run this draft: {refused[0].message}."
    elif query.model:
        result = await dry_run(visit.deps.desk, found.state.data, query, work(visit))
    return visit.page(
        "models.html",
        **found.context,
        title="Models and groups",
        entries=items(found, "models", "name"),
        name=query.model,
        prompt=query.prompt,
        rating=query.rating,
        result=result,
    )


_SIDES = (("request", "Before the upstream is called"), ("response", "After the upstream has answered"))


async def processors(visit: Visit) -> web.StreamResponse:
    """The rows of processors before and after the upstream."""
    found = await opened(visit, FILE)
    sides = [(side, title, list(_rows(found, f"/{side}/processors"))) for side, title in _SIDES]
    return visit.page("processors.html", **found.context, title="Processors", sides=sides)


def _rows(found: Opened, place: str) -> Iterator[Group]:
    """The rows of one side."""
    document = found.require_document()
    node = document.find(place)
    for index, (_, row) in enumerate(node.children if node is not None else ()):
        group = Group(pointer=joined(place, index))
        for number, (_, child) in enumerate(row.children):
            pointer, value = joined(group.pointer, number), document.value(child)
            entry = value if isinstance(value, dict) else {}
            group.entries.append(Item(pointer, number, entry, _within(found, pointer)))
        yield group
