"""Where a config sends secrets, and which of that is new in a draft. Pure.

A secret is the value of a variable, or a literal in a field for secrets. It is sent to the address in the same object:
a header of a router to the URL of that router, a password to the server of its section. Who edits a config, but must
not read its secrets, must not be able to send one to an address of their own, nor to use one where it would be shown:
the description of a model is in the list of models, and a system prompt can be asked for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gecholog.schema import Schema
from services.gui.drafts.json_document import joined, steps
from services.gui.drafts.schema_path import subschema
from services.gui.drafts.secret_values import is_literal_secret, variables_in

OWN_SECRETS = ("NATS_TOKEN", "GUI_SECRET")
"""Variables of the appliance itself, which go nowhere but to the bus and to the web interface."""

_NO_SECRETS = frozenset({"GECHOLOG_HOME"})
_ADDRESS_FIELDS = ("url", "hostname", "endpoint", "authority", "audience", "port", "dialect", "profile", "region")
_REQUIRED = "ingress.headers"
_WHOLE_ADDRESSES = ("url", "hostname", "authority")  # a variable at the beginning is the address, not sent to it
_BUS, _GUI = "service_bus", "secret"
_LEADING = re.compile(r"^(\$\{\w+(\|\w+)*\}|\$\w+)(?=$|[/:?])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Flow:
    """A secret and where it is sent. `source` is the name of a variable, or `literal` and a hash.

    `section` is the first step of the place, `usual`: the address is the usual one of the provider. `use` is empty for
    credentials and headers, else the name of the field, which may show the value to others.
    """

    source: str
    destination: str
    section: str
    usual: bool = False
    use: str = ""

    @property
    def shown(self) -> str:
        name = "a secret in the file" if self.source.startswith("literal ") else self.source
        if not self.destination:
            return f"use {name} in {self.use or self.section}"
        return f"send {name} to {self.destination}" + (f" in {self.use}" if self.use else "")


@dataclass(frozen=True, slots=True)
class FlowProblem:
    """Why a draft may not be deployed. `for_everybody`: not even an admin may."""

    message: str
    for_everybody: bool


def flows(value: Any, schema: Schema) -> frozenset[Flow]:
    """All flows of a config. `value` is that of the file, with variables not filled in."""
    return frozenset(_walk(value, schema, _Place()))


def problems(draft: frozenset[Flow], deployed: frozenset[Flow], *, is_gui: bool = False) -> tuple[FlowProblem, ...]:
    """What is wrong with the flows of a draft, compared with those of the deployed file."""
    return tuple(
        problem
        for flow in sorted(draft - deployed, key=lambda one: (one.source, one.destination))
        if (problem := _problem(flow, deployed, is_gui=is_gui)) is not None
    )


def file_problems(draft: Any, deployed: Any) -> tuple[FlowProblem, ...]:
    """What is wrong with the file that records are written to: who may not name programs must not choose it.

    Records hold what clients send, and a file may be the config or the program of somebody.
    """
    old, new = (_record_file(value) for value in (deployed, draft))
    return (FlowProblem(f"it would write records to {new}", for_everybody=False),) if new not in {"", old} else ()


def _record_file(value: Any) -> str:
    section = value.get("file_writer") if isinstance(value, Mapping) else None
    name = section.get("filename") if isinstance(section, Mapping) else None
    return name if isinstance(name, str) else ""


def _problem(flow: Flow, deployed: frozenset[Flow], *, is_gui: bool) -> FlowProblem | None:
    if flow.source in OWN_SECRETS:
        allowed = flow.section == _BUS if flow.source == OWN_SECRETS[0] else is_gui and flow.section == _GUI
        if not allowed:
            where = f"to {flow.destination}" if flow.destination else "outside of its own field"
            return FlowProblem(f"{flow.source} must not be sent {where}", for_everybody=True)
        if flow.source == OWN_SECRETS[1]:
            return None
    known = any((one.source, one.destination, one.use) == (flow.source, flow.destination, flow.use) for one in deployed)
    if known or (flow.usual and not flow.use) or flow.use == _REQUIRED:
        return None
    return FlowProblem(f"it would {flow.shown}", for_everybody=False)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value is: its pointer, the first step of it, and the address of the closest object that has one."""

    pointer: str = ""
    section: str = ""
    destination: str = ""
    usual: bool = False

    def below(self, step: str | int) -> _Place:
        return replace(self, pointer=joined(self.pointer, step), section=self.section or str(step))

    def flow(self, source: str, schema: Schema) -> Flow:
        return Flow(source, self.destination, self.section, self.usual, self._use(schema))

    def _use(self, schema: Schema) -> str:
        path = steps(self.pointer)
        if "headers" in path:  # those that clients must send are only compared
            return _REQUIRED if "ingress" in path else ""
        if subschema(schema, self.pointer).get("format") == "password":
            return ""
        return next((step for step in reversed(path) if not step.isdigit()), "")


def _walk(value: Any, schema: Schema, place: _Place) -> Iterator[Flow]:
    if isinstance(value, Mapping):
        if found := _address(value):
            place = replace(place, destination=found[0], usual=found[1])
        for name, item in value.items():
            yield from _walk(item, schema, place.below(name))
            yield from (place.below(name).flow(source, schema) for source in _sources(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, schema, place.below(index))
    elif isinstance(value, str):
        yield from (place.flow(source, schema) for source in _sources(_without_leading(value, place.pointer)))
        if is_literal_secret(subschema(schema, place.pointer), place.pointer, value):
            digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
            yield place.flow(f"literal {digest}", schema)


def _without_leading(text: str, pointer: str) -> str:
    """An address without the variable that it begins with: that is the address itself, and not sent to it."""
    return _LEADING.sub("", text, count=1) if pointer.rpartition("/")[2] in _WHOLE_ADDRESSES else text


def _address(value: Mapping[str, Any]) -> tuple[str, bool] | None:
    """Where the strings of an object are sent, and whether that is the provider's own address; None: not known here."""
    found = [(name, value[name]) for name in _ADDRESS_FIELDS if value.get(name) not in (None, "", [])]
    names = {name for name, _ in found}
    if not names & {"url", "hostname", "endpoint", "authority", "dialect"}:
        return None
    usual = "dialect" in names and not names & {"url", "endpoint", "authority"}
    texts = [", ".join(map(str, item)) if isinstance(item, list) else str(item) for _, item in found]
    return " ".join(texts), usual


def _sources(text: str) -> Iterator[str]:
    for names in variables_in(text):
        yield from (name for name in names if name not in _NO_SECRETS)
