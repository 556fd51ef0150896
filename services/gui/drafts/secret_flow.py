"""Where a config sends secrets, and which of that is new in a draft. Pure.

A secret is the value of a variable, or a literal in a field for secrets. It is sent to the address in the same object:
a header of a router to the URL of that router, a password to the server of its section. Who edits a config, but must
not read its secrets, must not be able to send one to an address of their own, nor to use one where it would be shown:
the description of a model is in the list of models, and a system prompt can be asked for.

Secrets of the store (`${secret:NAME}`) are not judged here: each has a list of hosts, and the service refuses a config
that would send it elsewhere (`gecholog.secret_rule`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gecholog.environment import FILE, SECRET, origin
from gecholog.schema import Schema
from services.gui.drafts.json_document import joined, steps
from services.gui.drafts.schema_path import is_map, subschema
from services.gui.drafts.secret_values import is_literal_secret, variables_in

OWN_SECRETS = ("NATS_TOKEN", "GUI_SECRET")
"""Variables of the appliance itself, which go nowhere but to the bus and to the web interface."""

_NO_SECRETS = frozenset({"GECHOLOG_HOME"})
_ADDRESS_FIELDS = ("url", "hostname", "endpoint", "authority", "audience", "port", "dialect", "profile", "region")
_REQUIRED = "ingress.headers"
_REQUIRED_HEADERS = re.compile(r"/routers/[0-9]+/ingress/headers")
_PROVIDER = re.compile(r"/providers/[0-9]+")
_CLOUDS = frozenset({"azure", "bedrock", "vertex"})  # which log in without a key in the file
_WHOLE_ADDRESSES = ("url", "hostname", "authority")  # a variable at the beginning is the address, not sent to it
_RECORD_FILES = (("file_writer", "filename"), ("sql_writer", "url"))  # the URL may be one of SQLite
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


def problems(
    draft: frozenset[Flow],
    deployed: frozenset[Flow],
    *,
    is_gui: bool = False,
    is_own_file: Callable[[str], bool] = lambda _: False,
) -> tuple[FlowProblem, ...]:
    """What is wrong with the flows of a draft, compared with those of the deployed file.

    `is_own_file` tells of a path whether the file is one of the appliance itself, whose content is sent nowhere.
    """
    return tuple(
        problem
        for flow in sorted(draft - deployed, key=lambda one: (one.source, one.destination))
        if (problem := _own_file(flow, is_own_file) or _problem(flow, deployed, is_gui=is_gui)) is not None
    )


def file_problems(draft: Any, deployed: Any) -> tuple[FlowProblem, ...]:
    """What is wrong with the file that records are written to: who may not name programs must not choose it.

    Records hold what clients send, and a file may be the config or the program of someone.
    """
    return tuple(
        FlowProblem(f"it would write records to {new}", for_everybody=False)
        for section, field in _RECORD_FILES
        if (new := _record_file(draft, section, field)) not in {"", _record_file(deployed, section, field)}
    )


def _record_file(value: Any, name: str, field: str) -> str:
    section = value.get(name) if isinstance(value, Mapping) else None
    file = section.get(field) if isinstance(section, Mapping) else None
    return file if isinstance(file, str) else ""


def _own_file(flow: Flow, is_own_file: Callable[[str], bool]) -> FlowProblem | None:
    if not flow.source.startswith(FILE) or not is_own_file(flow.source.removeprefix(FILE)):
        return None
    return FlowProblem(f"{origin(flow.source)} belongs to the appliance, and must not be used", for_everybody=True)


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
    """Where a value is: its pointer, the first step of it, and the address of the closest object that has one.

    `free` is the pointer of the map that it is in, whose names are free: a header may be called `url` or `ingress`.
    """

    pointer: str = ""
    section: str = ""
    destination: str = ""
    usual: bool = False
    free: str = ""

    def below(self, step: str | int, schema: Schema) -> _Place:
        is_free = not self.free and isinstance(step, str) and self._is_free(schema)
        return replace(
            self,
            pointer=joined(self.pointer, step),
            section=self.section or str(step),
            free=self.pointer if is_free else self.free,
        )

    def _is_free(self, schema: Schema) -> bool:
        return self.pointer.endswith("/headers") or is_map(subschema(schema, self.pointer))

    def flow(self, source: str, schema: Schema) -> Flow:
        return Flow(source, self.destination, self.section, self.usual, self._use(schema))

    def _use(self, schema: Schema) -> str:
        if _REQUIRED_HEADERS.fullmatch(self.free):  # those that clients must send are only compared
            return _REQUIRED
        if self.free.endswith("/headers"):
            return ""
        if subschema(schema, self.pointer).get("format") == "password":
            return ""
        return next((step for step in reversed(steps(self.pointer)) if not step.isdigit()), "")


def _walk(value: Any, schema: Schema, place: _Place) -> Iterator[Flow]:
    if isinstance(value, Mapping):
        inside = place.below("", schema)
        if not inside.free and (found := _address(value)):
            place = replace(place, destination=found[0], usual=found[1])
        if _PROVIDER.fullmatch(place.pointer):
            yield from _identities(value, place)
        for name, item in value.items():
            yield from _walk(item, schema, place.below(name, schema))
            yield from (place.below(name, schema).flow(source, schema) for source in _sources(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, schema, place.below(index, schema))
    elif isinstance(value, str):
        yield from (place.flow(source, schema) for source in _sources(_without_leading(value, place)))
        if is_literal_secret(subschema(schema, place.pointer), place.pointer, value):
            digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
            yield place.flow(f"literal {digest}", schema)


def _identities(provider: Mapping[str, Any], place: _Place) -> Iterator[Flow]:
    """The identity of the machine in a cloud, and the file with credentials that a provider names."""
    dialect, entra = provider.get("dialect"), provider.get("entra_id")
    if str(dialect) in _CLOUDS or "$" in str(dialect) or entra is not None:
        found = _address(entra) if isinstance(entra, Mapping) else None
        at = f"{place.destination} {found[0]}" if found else place.destination
        yield Flow("the identity of this machine", at, place.section, place.usual and not found)
    file = provider.get("credentials_file")
    if isinstance(file, str) and file:
        yield Flow(f"the credentials in {file}", place.destination, place.section, use="credentials_file")


def _without_leading(text: str, place: _Place) -> str:
    """An address without the variable that it begins with: that is the address itself, and not sent to it."""
    is_address = not place.free and place.pointer.rpartition("/")[2] in _WHOLE_ADDRESSES
    return _LEADING.sub("", text, count=1) if is_address else text


def _address(value: Mapping[str, Any]) -> tuple[str, bool] | None:
    """Where the strings of an object are sent, and whether that is the provider's own address; None: not known here."""
    found = [(name, text) for name in _ADDRESS_FIELDS if (text := _address_text(name, value.get(name)))]
    names = {name for name, _ in found}
    if not names & {"url", "hostname", "endpoint", "authority", "dialect"}:
        return None
    usual = "dialect" in names and not names & {"url", "endpoint", "authority"}
    return " ".join(text for _, text in found), usual


def _address_text(name: str, value: Any) -> str:
    if name == "hostname" and isinstance(value, list):
        return ", ".join(one for one in value if isinstance(one, str))
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _sources(text: str) -> Iterator[str]:
    """The variables in a string, as they are filled in before the text is read as JSON: after a backslash, too."""
    for names in variables_in(json.dumps(text, ensure_ascii=False)):
        yield from (name for name in names if name not in _NO_SECRETS and not name.startswith(SECRET))
