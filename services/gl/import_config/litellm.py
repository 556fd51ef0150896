"""Imports the `config.yaml` of LiteLLM's proxy (https://docs.litellm.ai/docs/proxy/configs)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.gl.import_config.imported import Imported, beginnings, distinct, is_model_name
from services.gl.import_config.litellm_kinds import NamedModel, named_model
from services.gl.import_config.litellm_providers import Providers
from services.gl.import_config.litellm_settings import ALIASES, DEFAULT_FALLBACKS, FALLBACKS, SECTIONS, take_settings
from services.gl.import_config.source import Node

Entry = dict[str, Any]

_STRATEGIES = {
    "simple-shuffle": "weighted",
    "latency-based-routing": "least_latency",
}
_OF_MODEL = frozenset({"model_name", "litellm_params"})
_GROUP = "deployments"
_NOTHING = Node(None, 0, "")


def looks_like(root: Node) -> bool:
    """Tell whether a file is one of LiteLLM's: it has a `model_list`."""
    return isinstance(root.value, dict) and "model_list" in root.value


class _Group:
    """The deployments of one name: targets, each with a weight, and the names to fall back to.

    `inner` is the name of the deployments alone, if there are several of them and fallbacks.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.inner = f"{name}-{_GROUP}"
        self.targets: list[str] = []
        self.weights: list[float] = []
        self.fallbacks: list[str] = []

    def add(self, target: str, weight: float) -> None:
        """Add a deployment."""
        self.targets.append(target)
        self.weights.append(weight)

    def deployments(self) -> list[str]:
        """What others name to have the deployments alone, without the fallbacks, which would lead on in a circle."""
        if len(targets := distinct(self.targets)) == 1:
            return targets
        return [self.inner if self.fallbacks else self.name]


def convert(root: Node, repeated: Iterable[Node]) -> Imported:
    """Convert a file, with the keys that are given twice in it. Raises ImportRefusedError."""
    found = Imported("LiteLLM")
    for node in repeated:
        found.lose(node, "is given twice: the last one counts")
    top = root.members()
    groups = _Deployments(top["model_list"].items(), found).groups
    sections = {name: top.get(name, _NOTHING).members() for name in SECTIONS}
    aliases = _aliases(sections["router_settings"].get(ALIASES, _NOTHING), groups, found)
    _add_fallbacks(sections, groups, aliases, found)
    strategy = _strategy(sections["router_settings"].get("routing_strategy"), found)
    for group in groups.values():
        _write(group, groups, strategy, found)
    found.models += [{"name": alias, "targets": [name]} for alias, name in aliases.items()]
    take_settings(sections, found)
    for name in top.keys() - {"model_list", *SECTIONS}:
        found.lose(top[name], "has no equivalent")
    return found


# ------------------------------------------------------------------ deployments


class _Deployments:
    """Reads the deployments of a file into groups by their names, which are the names of models."""

    def __init__(self, entries: list[Node], found: Imported) -> None:
        names = [_name(entry) for entry in entries]
        self.groups: dict[str, _Group] = {}
        self._found = found
        self._providers = Providers(found, beginnings(names))
        for name, entry in zip(names, entries, strict=True):
            self._take(name, entry)
        for group in self.groups.values():
            while group.inner in self.groups:
                group.inner += f"-{_GROUP}"

    def _take(self, name: str, entry: Node) -> None:
        members = entry.members()
        for extra in sorted(members.keys() - _OF_MODEL):
            self._found.lose(members[extra], "has no equivalent")
        params = members["litellm_params"]
        values = params.members()
        text = values["model"].text() if "model" in values else ""
        if not text:
            params.refuse("must have a model")
        weight = _weight(values)
        model = named_model(text)
        if not model.name:
            self._found.lose(values["model"], "has no name behind its provider: left out")
            return
        if "*" in model.name and "/" not in text:
            self._found.lose(entry, "a name that is not in this file goes to its maker, if that is in it")
            return
        provider = self._providers.of(model, params)
        if provider is None:
            return
        if "*" in model.name:
            self._take_pattern(members["model_name"], model, provider)
        elif not is_model_name(name.replace("*", "x")):
            message = f"{name} cannot be the name of a model here: name the model PROVIDER/MODEL instead"
            self._found.lose(entry, message)
        else:
            self.groups.setdefault(name, _Group(name)).add(f"{provider['name']}/{model.name}", weight)

    def _take_pattern(self, node: Node, model: NamedModel, provider: Entry) -> None:
        """Take a name with `*`, for any model of a provider: by its own names, or behind the provider's name."""
        if node.text() == model.name:
            provider.setdefault("models", []).append(model.name)
        elif (node.text(), model.name) != (f"{provider['name']}/*", "*"):
            self._found.lose(node, f"call these models {provider['name']}/MODEL instead")


def _name(entry: Node) -> str:
    members = entry.members() if entry.value is not None else entry.refuse("must be a map")
    name = members["model_name"].text() if "model_name" in members else ""
    if not name:
        entry.refuse("must have a model_name")
    if "litellm_params" not in members:
        entry.refuse("must have litellm_params")
    return name


def _weight(values: dict[str, Node]) -> float:
    text = values["weight"].text() if "weight" in values else "1"
    try:
        weight = float(text)
    except ValueError:
        values["weight"].refuse("must be a number")
    return weight if 0 <= weight < float("inf") else values["weight"].refuse("must not be less than 0")


# ------------------------------------------------------------------ routing


def _strategy(node: Node | None, found: Imported) -> str:
    if node is None or node.value is None:
        return "weighted"
    if node.text() not in _STRATEGIES:
        found.lose(node, f"{node.text()} is not there: weighted in its place")
    return _STRATEGIES.get(node.text(), "weighted")


def _aliases(node: Node, groups: dict[str, _Group], found: Imported) -> dict[str, str]:
    """Other names of models: a name, or a map with the name in `model`."""
    aliases: dict[str, str] = {}
    for alias, value in node.members().items():
        members = value.members() if isinstance(value.value, dict) else {"model": value}
        name = members["model"].text() if "model" in members else ""
        if name not in groups or alias in groups or not is_model_name(alias):
            found.lose(value, f"there is no model {name} for it, or it is a model's own name")
            continue
        aliases[alias] = name
        if "hidden" in members:
            found.lose(members["hidden"], "every model is in the list of models")
    return aliases


def _add_fallbacks(
    sections: dict[str, dict[str, Node]], groups: dict[str, _Group], aliases: dict[str, str], found: Imported
) -> None:
    """Take the fallbacks of each name: lists of maps with one member, in two places; and those of all other names."""
    usual: list[Node] = []
    for section in ("litellm_settings", "router_settings"):
        usual += sections[section].get(DEFAULT_FALLBACKS, _NOTHING).items()
        for entry in sections[section].get(FALLBACKS, _NOTHING).items():
            for name, others in entry.members().items():
                group = groups.get(aliases.get(name, name))
                if group is None:
                    found.lose(others, f"there is no model {name}")
                else:
                    group.fallbacks += _known(others.items(), groups, aliases, found)
    everywhere = _known(usual, groups, aliases, found)
    for group in groups.values():
        group.fallbacks = [name for name in group.fallbacks or everywhere if name != group.name]


def _known(nodes: Iterable[Node], groups: dict[str, _Group], aliases: dict[str, str], found: Imported) -> list[str]:
    """The names to fall back to, as far as there are models of these names."""
    names: list[str] = []
    for node in nodes:
        name = aliases.get(node.text(), node.text())
        if name in groups:
            names.append(name)
        else:
            found.lose(node, f"there is no model {node.text()} to fall back to")
    return names


def _write(group: _Group, groups: dict[str, _Group], strategy: str, found: Imported) -> None:
    """Write the model of a name. With several deployments and fallbacks, the deployments are a model of their own."""
    targets = distinct(group.targets)
    fallbacks = [target for name in group.fallbacks for target in groups[name].deployments()]
    if len(targets) > 1:
        shared = {"name": group.deployments()[0], "targets": targets} | _shared(group, targets, strategy)
        found.models.append(shared)
    if len(targets) == 1 or fallbacks:
        found.models.append({"name": group.name, "targets": distinct([*group.deployments(), *fallbacks])})


def _shared(group: _Group, targets: list[str], strategy: str) -> Entry:
    if strategy != "weighted":
        return {"strategy": strategy}
    weights = dict(zip(group.targets, group.weights, strict=True))
    listed = [_plain(weights[target]) for target in targets]
    return {"strategy": strategy, "weights": listed if any(listed) else [1] * len(listed)}


def _plain(weight: float) -> int | float:
    return int(weight) if weight == int(weight) else weight
