"""The providers that the deployments of a LiteLLM file make. Deployments with the same place and key share one."""

from __future__ import annotations

import re
from typing import Any

from services.gl.import_config.imported import Imported, Names, variable
from services.gl.import_config.litellm_kinds import KINDS, Kind, NamedModel
from services.gl.import_config.source import Node

Entry = dict[str, Any]

_VARIABLE = re.compile(r"os\.environ/(\w+)")
_OF_ALL = frozenset({"model", "weight", "api_key", "api_base", "base_url", "organization", "extra_headers", "timeout"})
_TOKEN = "azure_ad_token"  # noqa: S105 - the name of a parameter
_ENTRA_ID = ("tenant_id", "client_id", "client_secret")
_PROJECT = ("vertex_project", "vertex_ai_project")
_LOCATION = ("vertex_location", "vertex_ai_location")
_OF_DIALECT = {
    "azure": frozenset({"api_version", _TOKEN, *_ENTRA_ID}),
    "bedrock": frozenset({"aws_region_name"}),
    "vertex": frozenset({*_PROJECT, *_LOCATION, "vertex_credentials"}),
}
_REGION = "${AWS_REGION_NAME|AWS_REGION|AWS_DEFAULT_REGION}"
# Where AWS's own chain of credentials looks as well.
_AWS = {
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "aws_session_token": "AWS_SESSION_TOKEN",
    "aws_profile_name": "AWS_PROFILE",
}
_LIMITS = frozenset({"rpm", "tpm", "max_parallel_requests"})


class Providers:
    """The providers so far. `reserved` names are not given to any."""

    def __init__(self, found: Imported, reserved: frozenset[str]) -> None:
        self._found = found
        self._names = Names(reserved)
        self._known: dict[tuple[str, ...], str] = {}

    def of(self, model: NamedModel, params: Node) -> Entry | None:
        """The provider of a deployment; None if it cannot be called. What has no place in it is listed."""
        values = params.members()
        kind = KINDS.get(model.kind)
        if kind is None:
            message = f"providers of the kind {model.kind} cannot be called: left out"
            self._found.lose(params, message)
            return None
        self._lose(values, kind)
        entry = self._entry(model, kind, values)
        key = tuple(f"{name}={entry[name]}" for name in sorted(entry))
        if key not in self._known:
            self._known[key] = self._names.of(
                model.kind.removesuffix("_chat").removesuffix("_converse").removesuffix("_beta")
            )
            self._found.providers.append({"name": self._known[key]} | entry)
        return next(one for one in self._found.providers if one["name"] == self._known[key])

    def _entry(self, model: NamedModel, kind: Kind, values: dict[str, Node]) -> Entry:
        base = values.get("api_base") or values.get("base_url")
        url = value_of(base) if base is not None else kind.url
        profile = "openai" if model.kind == "openai" and base is None else kind.profile  # else the host tells
        entry: Entry = {"dialect": kind.dialect, "profile": profile, "url": url}
        if kind.dialect == "azure":
            entry |= _azure(values)
        if "entra_id" not in entry and _TOKEN not in values:
            entry["api_key"] = value_of(values["api_key"]) if "api_key" in values else variable(kind.key)
        if kind.dialect == "bedrock":
            region = values.get("aws_region_name")
            entry["region"] = model.region or (_REGION if region is None else value_of(region))
        if kind.dialect == "vertex":
            entry |= self._vertex(values)
        entry |= {"headers": _headers(values), "timeouts": self._timeouts(values)}
        return {name: value for name, value in entry.items() if value and value != variable("")}

    def _vertex(self, values: dict[str, Node]) -> Entry:
        entry = {
            "project": _first(values, _PROJECT, variable("VERTEXAI_PROJECT|GOOGLE_CLOUD_PROJECT")),
            "location": _first(values, _LOCATION, variable("VERTEXAI_LOCATION|VERTEX_LOCATION")),
        }
        credentials = values.get("vertex_credentials")
        if credentials is not None and credentials.text().lstrip().startswith("{"):
            self._found.lose(credentials, "must be a file here: name it in credentials_file of the provider")
        elif credentials is not None:
            entry["credentials_file"] = value_of(credentials)
        return entry

    def _timeouts(self, values: dict[str, Node]) -> dict[str, int]:
        """The time-out of a deployment, which is in seconds."""
        node = values.get("timeout")
        if node is None or node.value is None:
            return {}
        try:
            return {"total_ms": max(0, round(float(node.text()) * 1000))}
        except (ValueError, OverflowError):
            self._found.lose(node, "must be a number of seconds")
            return {}

    def _lose(self, values: dict[str, Node], kind: Kind) -> None:
        taken = _OF_ALL | _OF_DIALECT.get(kind.dialect, frozenset())
        for name in sorted(values.keys() - taken):
            node = values[name]
            if kind.dialect == "bedrock" and name in _AWS and node.value == f"os.environ/{_AWS[name]}":
                continue
            self._found.lose(node, _why_lost(name))
        if "api_base" in values and "base_url" in values:
            self._found.lose(values["base_url"], "api_base comes before it")


def value_of(node: Node) -> str:
    """A value, or the variable that it names: `os.environ/NAME`."""
    text = node.text()
    found = _VARIABLE.fullmatch(text)
    return variable(found[1]) if found else text


def _first(values: dict[str, Node], names: tuple[str, ...], default: str) -> str:
    """The value of the first of these names that is there."""
    return next((value_of(values[name]) for name in names if name in values), default)


def _azure(values: dict[str, Node]) -> Entry:
    version = values.get("api_version")
    entry: Entry = {"api_version": variable("AZURE_API_VERSION") if version is None else value_of(version)}
    if all(name in values for name in _ENTRA_ID) and "api_key" not in values:
        entry["entra_id"] = {name: value_of(values[name]) for name in _ENTRA_ID}
    return entry


def _headers(values: dict[str, Node]) -> dict[str, list[str]]:
    headers = {name: [value_of(node)] for name, node in values.get("extra_headers", _NOTHING).members().items()}
    if (token := values.get(_TOKEN)) is not None:
        headers["Authorization"] = [f"Bearer {value_of(token)}"]
    if (organization := values.get("organization")) is not None:
        headers["OpenAI-Organization"] = [value_of(organization)]
    return headers


def _why_lost(name: str) -> str:
    if name in _AWS:
        return f"credentials of AWS come from its own chain, such as the variable {_AWS[name]}"
    if name in _LIMITS:
        return "deployments have no rate limits here"
    return "is not sent with each request here"


_NOTHING = Node(None, 0, "")
