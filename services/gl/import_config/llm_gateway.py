"""Imports the `config.yml` of llm-gateway (https://github.com/dtunikov/llm-gateway).

Three forms: `providers` and `models` as lists (its main branch), or as maps, with a provider's name or a map for each
model (v0.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.gl.import_config.imported import (
    Imported,
    Names,
    beginnings,
    distinct,
    is_address,
    is_model_name,
    log_level,
    port,
    versioned,
)
from services.gl.import_config.llm_gateway_providers import KEYS, NEVER_USED, Settings, provider
from services.gl.import_config.source import Node

Entry = dict[str, Any]

_LEVELS = frozenset({"trace", "debug", "info", "warn", "error", "fatal"})
_GOOGLE = "generativelanguage.googleapis.com"
_TOP = frozenset({"server", "logging", "openapi", "providers", "models"})


def looks_like(root: Node) -> bool:
    """Tell whether a file is one of llm-gateway's: it has providers or models at its top, and no `model_list`."""
    return (
        isinstance(root.value, dict)
        and "model_list" not in root.value
        and bool({"providers", "models"} & set(root.value))
    )


def convert(root: Node, environment: Mapping[str, str]) -> Imported:
    """Convert a file, with the variables that llm-gateway would read beside it. Raises ImportRefusedError."""
    found = Imported("llm-gateway")
    top = root.members()
    is_map = "providers" in top and isinstance(top["providers"].value, dict)
    _server(top, environment, found, is_strict=is_map)
    for name, node in top.items():
        if name not in _TOP or name == "openapi":
            found.lose(node, "has no equivalent")
    providers, models = top.get("providers"), top.get("models")
    names = Names(beginnings(_ids(models)))
    known = (
        _provider_map(providers, names, found)
        if providers is not None and is_map
        else _provider_list(providers, environment, names, found)
    )
    if models is not None:
        if is_map and not isinstance(models.value, dict | None):
            models.refuse("must be a map, as providers is one")
        if not is_map and isinstance(models.value, dict):
            models.refuse("must be a list, as providers is one")
        _models(_mapped(models, found) if is_map else _listed(models, found), known, found)
    found.outbound["fail_on"] = ["4xx", "5xx"]  # any error leads on to the next provider
    return found


def _server(top: dict[str, Node], environment: Mapping[str, str], found: Imported, *, is_strict: bool) -> None:
    """Take port and log level, of the variables or else of the file.

    A wrong port in the file is refused if `is_strict`: the versions that read lists never used it.
    """
    server = top.get("server", Node(None, 1, "server")).members()
    logging = top.get("logging", Node(None, 1, "logging")).members()
    if environment.get("SERVER_PORT"):
        port(_of_environment("SERVER_PORT", environment), found)
    elif "port" in server:
        port(server["port"], found, is_strict=is_strict)
    if environment.get("LOG_LEVEL"):
        _log_level(_of_environment("LOG_LEVEL", environment), found)
    elif "level" in logging:
        _log_level(logging["level"], found)
    for name, node in (server | logging).items():
        if name not in ("port", "level"):
            found.lose(node, "has no equivalent")


def _of_environment(name: str, environment: Mapping[str, str]) -> Node:
    return Node(environment[name], 0, name)


def _log_level(node: Node, found: Imported) -> None:
    level = log_level(node.text())
    if level is not None:
        found.settings["log_level"] = level
    elif node.text():
        found.lose(node, f"must be one of {', '.join(sorted(_LEVELS))}")


# ------------------------------------------------------------------ providers


def _ids(models: Node | None) -> list[str]:
    """The names that clients say, as far as there are any."""
    if models is None or not isinstance(models.value, list):
        return list(models.value) if models is not None and isinstance(models.value, dict) else []
    ids = [entry.value.get("id") for entry in models.value if isinstance(entry.value, dict)]
    return [node.value for node in ids if node is not None and isinstance(node.value, str)]


def _provider_list(
    providers: Node | None, environment: Mapping[str, str], names: Names, found: Imported
) -> dict[str, str]:
    """Take the providers of the list form. Returns our names, by their ids; of a double id the last counts."""
    entries = [] if providers is None else providers.items()
    known: dict[str, str] = {}
    kinds = [_kind(entry) for entry in entries]
    for entry, kind in zip(entries, kinds, strict=True):
        members = entry.members()
        known_as = members.get("id", entry).text() if "id" in members else ""
        if not known_as:
            entry.refuse("must have an id")
        config = members.get("config")
        if config is None or config.value is None:
            (config or entry).refuse("config must be a map, if only {}")
        values = _values(config, kind)
        name = names.of(known_as)
        if known_as in known:
            found.lose(entry, f"the id {known_as} is given twice: the last one counts")
        settings = Settings(kind, config, values, environment, is_alone=kinds.count(kind) == 1)
        made = provider(kind, settings)
        known[known_as] = name if _has_address(made, settings.place("api_url"), found) else ""
        if known[known_as]:
            found.providers.append({"name": name} | made)
        if "path_to_creds_file" in values:
            found.files.append(settings.place("path_to_creds_file"))
        for extra in sorted(members.keys() - {"id", "provider", "config"}):
            found.lose(members[extra], "has no equivalent")
        for unused in sorted(values.keys() & NEVER_USED.get(kind, frozenset())):
            found.lose(settings.place(unused), "was never used, and has no equivalent")
    return known


def _has_address(made: Entry, place: Node, found: Imported) -> bool:
    """Whether a provider can be called. Calls to other URLs failed in llm-gateway too, and went on to the fallbacks."""
    if "url" not in made or is_address(made["url"]):
        return True
    message = "must be an http or https address"
    if made["dialect"] == "ollama":  # llm-gateway did not start either
        place.refuse(message)
    found.lose(place, f"{message}: the provider is left out")
    return False


def _kind(entry: Node) -> str:
    members = entry.members() if entry.value is not None else entry.refuse("must be a map")
    kind = members.get("provider")
    if kind is None or kind.text() not in KEYS:
        (kind or entry).refuse(f"provider must be one of {', '.join(sorted(KEYS))}")
    return kind.text()


def _values(config: Node, kind: str) -> dict[str, str]:
    """The values of a provider's config: texts, under keys that its type knows."""
    values: dict[str, str] = {}
    for name, node in config.members().items():
        if name not in KEYS[kind]:
            allowed = ", ".join(sorted(KEYS[kind])) or "none"
            node.refuse(f"is no key of a provider of type {kind} (there are: {allowed})")
        if node.value is None or not node.is_text:
            node.refuse("must be a text")
        values[name] = node.text()
    return values


def _provider_map(providers: Node, names: Names, found: Imported) -> dict[str, str]:
    """Take the providers of the map form. `dummy` is built in."""
    known: dict[str, str] = {}
    for wanted, node in providers.members().items():
        members = node.members()
        compatible = members.get("is_openai_compatible")
        if compatible is not None and compatible.text().lower() in ("false", "no", "off"):
            found.lose(node, "is_openai_compatible is false, and so it was never there: left out")
            known[wanted] = ""
            continue
        name = known[wanted] = names.of(wanted)
        url = members["api_url"].text() if "api_url" in members else ""
        key = members["api_key"].text() if "api_key" in members else ""
        if _GOOGLE in url:
            made: Entry = {"name": name, "dialect": "gemini"}
        else:
            made = {"name": name, "dialect": "openai", "url": _versioned_or_wrong(url, wanted)}
        if _has_address(made, members.get("api_url", node), found):
            found.providers.append(made | ({"api_key": key} if key else {}))
        else:
            known[wanted] = ""
        for extra in members.keys() - {"api_key", "api_url", "is_openai_compatible"}:
            found.lose(members[extra], "has no equivalent")
    if "dummy" not in known:
        known["dummy"] = names.of("dummy")
        found.providers.append({"name": known["dummy"], "dialect": "dummy"})
    return known


def _versioned_or_wrong(url: str, name: str) -> str:
    """The URL with its version; OpenAI's own for a provider of this name without one, else an empty one."""
    if not url and name != "openai":
        return ""
    return versioned(url or "https://api.openai.com")


# ------------------------------------------------------------------ models


class _Model:
    """A model as the file has it."""

    def __init__(self, node: Node, known_as: str, name: str, provider: str, fallback: list[Node]) -> None:
        self.node = node
        self.known_as = known_as
        self.name = name
        self.provider = provider
        self.fallback = fallback


def _listed(models: Node, found: Imported) -> list[_Model]:
    read: list[_Model] = []
    for entry in models.items():
        members = entry.members() if entry.value is not None else entry.refuse("must be a map")
        known_as = members["id"].text() if "id" in members else ""
        if not known_as:
            found.lose(entry, "a model without an id cannot be called: left out")
            continue
        name = members["name"].text() if "name" in members else ""
        provider = members["provider"].text() if "provider" in members else ""
        fallback = members["fallback"].items() if "fallback" in members else []
        read.append(_Model(entry, known_as, name or known_as, provider, fallback))
        for extra in members.keys() - {"id", "name", "provider", "fallback"}:
            found.lose(members[extra], "has no equivalent")
    return read


def _mapped(models: Node, found: Imported) -> list[_Model]:
    read: list[_Model] = []
    for known_as, node in models.members().items():
        if isinstance(node.value, str):
            read.append(_Model(node, known_as, known_as, node.value, []))
            continue
        members = node.members()
        provider = members["provider"].text() if "provider" in members else ""
        fallback = members["fallback"].items() if "fallback" in members else []
        read.append(_Model(node, known_as, known_as, provider, fallback))
        for extra in members.keys() - {"provider", "fallback"}:
            found.lose(members[extra], "has no equivalent")
    return read


def _models(models: list[_Model], providers: dict[str, str], found: Imported) -> None:
    """Take the models: each with its own target, then those of its fallbacks, whose own fallbacks do not count."""
    first: dict[str, _Model] = {}
    for model in models:
        if model.known_as in first:
            found.lose(model.node, f"the id {model.known_as} is given twice: the first one counts")
        else:
            first[model.known_as] = model
    for model in first.values():
        targets = [_target(model, providers, found), *_fallbacks(model, first, providers, found)]
        listed = distinct(target for target in targets if target)
        if not is_model_name(model.known_as):
            found.lose(model.node, f"{model.known_as} cannot be the name of a model: left out")
        elif not listed:
            found.lose(model.node, "has no provider that can be called: left out")
        else:
            found.models.append({"name": model.known_as, "targets": listed})


def _target(model: _Model, providers: dict[str, str], found: Imported) -> str:
    name = providers.get(model.provider)
    if name is None:
        found.lose(model.node, f"its provider {model.provider or '(none)'} does not exist")
    return f"{name}/{model.name}" if name else ""


def _fallbacks(model: _Model, known: dict[str, _Model], providers: dict[str, str], found: Imported) -> list[str]:
    targets: list[str] = []
    for node in model.fallback:
        other = known.get(node.text())
        if other is None:
            found.lose(node, f"there is no model {node.text() or '(none)'} to fall back to")
        elif name := providers.get(other.provider):
            targets.append(f"{name}/{other.name}")
    return targets
