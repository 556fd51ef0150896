"""Imports the `config.yaml` of LiteLLM's proxy (https://docs.litellm.ai/docs/proxy/configs)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from services.gl.import_config.imported import Imported, Names, distinct, is_model_name, variable
from services.gl.import_config.source import Node

Entry = dict[str, Any]

_VARIABLE = re.compile(r"os\.environ/(\w+)")
# Prefixes of models, as (dialect, profile).
_KINDS: Mapping[str, tuple[str, str]] = {
    "openai": ("openai", ""),
    "text-completion-openai": ("openai", "openai"),
    "azure": ("azure", ""),
    "anthropic": ("anthropic", ""),
    "gemini": ("gemini", ""),
    "ollama": ("ollama", ""),
    "ollama_chat": ("ollama", ""),
    "mistral": ("openai", "mistral"),
    "deepseek": ("openai", "deepseek"),
    "groq": ("openai", "groq"),
    "xai": ("openai", "xai"),
    "bedrock": ("bedrock", ""),
    "openrouter": ("openai", "openrouter"),
    "moonshot": ("openai", "moonshot"),
    "huggingface": ("openai", "huggingface"),
    "hosted_vllm": ("openai", "vllm"),
    "vllm": ("openai", "vllm"),
    "llamafile": ("openai", "llamacpp"),
    "lm_studio": ("openai", "generic"),
    "custom_openai": ("openai", "generic"),
    "litellm_proxy": ("openai", "generic"),
}
# Where a key is looked for if the file has none.
_KEYS = {
    "openai": "OPENAI_API_KEY",
    "text-completion-openai": "OPENAI_API_KEY",
    "azure": "AZURE_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "groq": "GROQ_API_KEY",
    "xai": "XAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "moonshot": "MOONSHOT_API_KEY",
    "huggingface": "HUGGINGFACE_API_KEY",
}
_URLS = {"ollama": "http://localhost:11434", "ollama_chat": "http://localhost:11434"}
_STRATEGIES = {
    "simple-shuffle": "weighted",
    "latency-based-routing": "least_latency",
}
_TAKEN = frozenset(
    {"model", "api_key", "api_base", "base_url", "api_version", "aws_region_name", "weight", "organization"}
)
_OF_MODEL = frozenset({"model_name", "litellm_params"})
_GROUP = "deployments"


def looks_like(root: Node) -> bool:
    """Tell whether a file is one of LiteLLM's: it has a `model_list`."""
    return isinstance(root.value, dict) and "model_list" in root.value


class _Group:
    """The deployments of one name: targets, each with a weight."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.targets: list[str] = []
        self.weights: list[float] = []


def convert(root: Node) -> Imported:
    """Convert a file. Raises ImportRefusedError."""
    found = Imported("LiteLLM")
    top = root.members()
    providers = _Providers(found)
    groups: dict[str, _Group] = {}
    for entry in top["model_list"].items():
        _take(entry, providers, groups, found)
    fallbacks = _fallbacks(top, found)
    strategy = _strategy(top, found)
    for name, group in groups.items():
        _write(name, group, _known(fallbacks.get(name, []), groups, found), strategy, found)
    _settings(top, found)
    return found


def _take(entry: Node, providers: _Providers, groups: dict[str, _Group], found: Imported) -> None:
    members = entry.members() if entry.value is not None else entry.refuse("must be a map")
    name = members["model_name"].text() if "model_name" in members else ""
    if not name:
        entry.refuse("must have a model_name")
    if "litellm_params" not in members:
        entry.refuse("must have litellm_params")
    params = members["litellm_params"]
    target = providers.target(params)
    for extra in sorted(members.keys() - _OF_MODEL):
        found.lose(members[extra], "has no place here")
    values = params.members()
    for extra in sorted(values.keys() - _TAKEN):
        found.lose(values[extra], "is not sent with each request here")
    if target and not is_model_name(name):
        found.lose(entry, f"{name} cannot be the name of a model here: name the model PROVIDER/MODEL instead")
    elif target:
        group = groups.setdefault(name, _Group(entry))
        group.targets.append(target)
        group.weights.append(_weight(values))


def _weight(values: dict[str, Node]) -> float:
    text = values["weight"].text() if "weight" in values else "1"
    try:
        weight = float(text)
    except ValueError:
        values["weight"].refuse("must be a number")
    return weight if weight > 0 else values["weight"].refuse("must be more than 0")


class _Providers:
    """The providers of a file: deployments with the same place and key share one."""

    def __init__(self, found: Imported) -> None:
        self._found = found
        self._names = Names()
        self._known: dict[tuple[str, ...], str] = {}

    def target(self, params: Node) -> str:
        """The target of a deployment; empty if it cannot be called."""
        values = params.members()
        model = values["model"].text() if "model" in values else ""
        if not model:
            params.refuse("must have a model")
        prefix, _, rest = model.partition("/")
        kind = prefix if rest else _kind_of_bare(model)
        name = rest or model
        if kind not in _KINDS:
            self._found.lose(values["model"], f"providers of the kind {kind} cannot be called yet: left out")
            return ""
        return f"{self._provider(kind, values)}/{name}"

    def _provider(self, kind: str, values: dict[str, Node]) -> str:
        dialect, profile = _KINDS[kind]
        base = values.get("api_base") or values.get("base_url")
        if kind == "openai" and base is None:
            profile = "openai"  # else the host tells
        entry: Entry = {"dialect": dialect}
        url = _value(base) if base is not None else _URLS.get(kind, "")
        if kind == "azure" and not url:
            url = variable("AZURE_API_BASE")
        named = {"profile": profile, "url": url, "api_key": self._key(kind, values)}
        if kind == "bedrock" and (region := values.get("aws_region_name")) is not None:
            named["region"] = _value(region)
        if kind == "azure":
            version = values.get("api_version")
            named["api_version"] = _value(version) if version is not None else variable("AZURE_API_VERSION")
        entry |= {name: text for name, text in named.items() if text}
        if (organization := values.get("organization")) is not None:
            entry["headers"] = {"OpenAI-Organization": [_value(organization)]}
        key = (dialect, *(f"{name}={entry[name]}" for name in sorted(entry)))
        if key not in self._known:
            self._known[key] = self._names.of(kind.removesuffix("_chat"))
            self._found.providers.append({"name": self._known[key]} | entry)
        return self._known[key]

    def _key(self, kind: str, values: dict[str, Node]) -> str:
        if "api_key" in values:
            return _value(values["api_key"])
        return variable(_KEYS[kind]) if kind in _KEYS else ""


def _kind_of_bare(model: str) -> str:
    """The provider of a model without a prefix: LiteLLM knows the makers by the names."""
    if model.startswith("claude"):
        return "anthropic"
    return "gemini" if model.startswith("gemini") else "openai"


def _value(node: Node) -> str:
    """A value, or the variable that it names: `os.environ/NAME`."""
    text = node.text()
    found = _VARIABLE.fullmatch(text)
    return variable(found[1]) if found else text


# ------------------------------------------------------------------ routing


def _strategy(top: dict[str, Node], found: Imported) -> str:
    settings = top.get("router_settings", Node(None, 1, "router_settings")).members()
    node = settings.get("routing_strategy")
    if node is None:
        return "weighted"
    if node.text() not in _STRATEGIES:
        found.lose(node, f"{node.text()} is not there: weighted in its place")
    return _STRATEGIES.get(node.text(), "weighted")


def _fallbacks(top: dict[str, Node], found: Imported) -> dict[str, list[Node]]:
    """The fallbacks of each name: lists of maps with one member, in two places."""
    listed: dict[str, list[Node]] = {}
    for section in ("litellm_settings", "router_settings"):
        settings = top.get(section, Node(None, 1, section)).members()
        for entry in settings.get("fallbacks", Node(None, 1, "")).items():
            for name, others in entry.members().items():
                listed.setdefault(name, []).extend(others.items())
        for other in ("context_window_fallbacks", "content_policy_fallbacks", "default_fallbacks"):
            if other in settings:
                found.lose(settings[other], "is not there: fallbacks are for errors by their status")
    return listed


def _known(others: list[Node], groups: dict[str, _Group], found: Imported) -> list[str]:
    """The names to fall back to, as far as there are models of these names."""
    for node in others:
        if node.text() not in groups:
            found.lose(node, f"there is no model {node.text()} to fall back to")
    return [node.text() for node in others if node.text() in groups]


def _write(name: str, group: _Group, fallbacks: list[str], strategy: str, found: Imported) -> None:
    """Write the model of a name. With several deployments and fallbacks, the deployments are a model of their own."""
    targets = distinct(group.targets)
    if len(targets) == 1 or not fallbacks:
        entry: Entry = {"name": name, "targets": [*targets, *fallbacks]}
        found.models.append(entry if len(targets) == 1 else entry | _shared(group, targets, strategy))
        return
    inner = f"{name}-{_GROUP}"
    found.models.append({"name": inner, "targets": targets} | _shared(group, targets, strategy))
    found.models.append({"name": name, "targets": [inner, *fallbacks]})


def _shared(group: _Group, targets: list[str], strategy: str) -> Entry:
    if strategy != "weighted":
        return {"strategy": strategy}
    weights = dict(zip(group.targets, group.weights, strict=True))
    return {"strategy": strategy, "weights": [_plain(weights[target]) for target in targets]}


def _plain(weight: float) -> int | float:
    return int(weight) if weight == int(weight) else weight


def _settings(top: dict[str, Node], found: Imported) -> None:
    """Take what has a place here of the other sections, and tell of the rest."""
    for section in ("litellm_settings", "router_settings"):
        members = top.get(section, Node(None, 1, section)).members()
        for name, node in members.items():
            if name == "num_retries":
                found.outbound["retries"] = _count(node)
            elif name not in ("fallbacks", "routing_strategy", "context_window_fallbacks", "content_policy_fallbacks"):
                found.lose(node, "has no place here")
    general = top.get("general_settings", Node(None, 1, "general_settings")).members()
    for name, node in general.items():
        found.lose(
            node,
            "clients are let in by ingress.headers of the router here" if name == "master_key" else "has no place here",
        )
    for name in top.keys() - {"model_list", "litellm_settings", "router_settings", "general_settings"}:
        found.lose(top[name], "has no place here")


def _count(node: Node) -> int:
    text = node.text()
    return int(text) if text.isdecimal() and len(text) < 3 else node.refuse("must be a small number")  # noqa: PLR2004
