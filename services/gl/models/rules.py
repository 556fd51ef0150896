"""What gl_config.json may say of providers and models, beyond its schema. Pure.

A provider or a model with a wrong value is left out alone. What refuses the whole file is a group that contains itself,
and groups that are nested too deeply: no single entry is wrong there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from gecholog import hostname
from gecholog.schema import Violation
from services.gl.models import provider as providers
from services.gl.models import target
from services.gl.models.close_names import did_you_mean
from services.gl.models.provider import Dialect
from services.gl.models.target import ProviderModel
from services.gl.routing.routers import parse_target

DEEPEST = 10
"""Models on the way from a name to a provider."""

_Entry = dict[str, Any]
_APPLICATION = frozenset({"tenant_id", "client_id", "client_secret"})
_KEY_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})  # a header may hold the key
# Without a key nobody is served there; the clouds have chains of credentials of their own.
_NEED_KEY = frozenset({Dialect.ANTHROPIC, Dialect.AZURE, Dialect.GEMINI, Dialect.COHERE})


def names(values: _Entry) -> Iterator[Violation]:
    """Names that come twice."""
    for field, what in (("providers", "provider"), ("models", "model")):
        listed = [entry.get("name") for entry in values.get(field, [])]
        for index, name in enumerate(listed):
            if name and listed.count(name) > 1:
                yield (field, index, "name"), f"must be unique: there is another {what} {name}"


def addresses(values: _Entry) -> Iterator[Violation]:
    """Providers need an address, and most of them a key."""
    for index, entry in enumerate(values.get("providers", [])):
        if (dialect := _dialect(entry)) is None:
            continue  # the schema says so
        url, place = providers.url_of(entry), ("providers", index)
        if reason := _wrong_url(url, dialect) or _own_url(url, values):
            yield (*place, "url"), reason
        has_key = bool(_KEY_HEADERS & {name.lower() for name in entry.get("headers", ())}) or "api_key" in entry
        needs_key = dialect in _NEED_KEY or (dialect is Dialect.OPENAI and not providers.profile_of(entry).keyless)
        if needs_key and not has_key and not (dialect is Dialect.AZURE and "entra_id" in entry):
            yield (*place, "api_key"), "is missing"


def entra_ids(values: _Entry) -> Iterator[Violation]:
    """Entra ID is Azure's, in place of a key; an application has three fields."""
    for index, entry in enumerate(values.get("providers", [])):
        if (entra := entry.get("entra_id")) is None:
            continue
        place = ("providers", index, "entra_id")
        if _dialect(entry) is not Dialect.AZURE:
            yield place, "is only for the dialect azure"
        elif "api_key" in entry:
            yield place, "must not be there beside api_key"
        if ("tenant_id" in entra or "client_secret" in entra) and not entra.keys() >= _APPLICATION:
            yield place, "needs tenant_id, client_id and client_secret together, or neither tenant_id nor client_secret"


def vertex(values: _Entry) -> Iterator[Violation]:
    """Vertex serves models to a project; only with an API key the project is known without being named."""
    for index, entry in enumerate(values.get("providers", [])):
        place, dialect = ("providers", index), _dialect(entry)
        if dialect is not None and dialect is not Dialect.VERTEX:
            for name in ("project", "location", "credentials_file"):
                if name in entry:
                    yield (*place, name), "is only for the dialect vertex"
        elif dialect is Dialect.VERTEX and "api_key" not in entry and not entry.get("project"):
            yield (*place, "project"), "is missing: the id of the Google Cloud project"
        elif dialect is Dialect.VERTEX and "api_key" in entry and "credentials_file" in entry:
            yield (*place, "api_key"), "must not be there beside credentials_file"


def _dialect(entry: _Entry) -> Dialect | None:
    try:
        return Dialect(entry.get("dialect"))
    except ValueError:
        return None


def _wrong_url(url: str, dialect: Dialect) -> str:
    if not url and dialect is Dialect.BEDROCK:
        return "must be there, or else region"
    if not url:
        return "must be an http or https address: there is no usual one"
    try:
        return hostname.problem(parse_target(url, "", {}).origin.host)
    except ValueError:
        return "must be an http or https address"


def _own_url(url: str, values: _Entry) -> str:
    """The reason against an address that is the gateway's own: calls would go round without end."""
    origin = parse_target(url, "", {}).origin if url else None
    if origin is None or origin.port != values.get("gl_port") or not _is_this_machine(origin.name):
        return ""
    return "must not be the address of this gateway, which would call itself"


def _is_this_machine(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        found = ip_address(host)
    except ValueError:
        return False
    return found.is_loopback or found.is_unspecified


def targets(values: _Entry) -> Iterator[Violation]:
    """Targets, and what else names one, have to be there."""
    groups = [entry["name"] for entry in values.get("models", []) if "name" in entry]
    known = [entry["name"] for entry in values.get("providers", []) if "name" in entry]
    for index, entry in enumerate(values.get("models", [])):
        place, listed = ("models", index), entry.get("targets", [])
        for number, text in enumerate(listed):
            if reason := _wrong_target(text, groups, known):
                yield (*place, "targets", number), reason
        for number, rule in enumerate(entry.get("rules", [])):
            if "target" in rule and rule["target"] not in listed:
                reason = f"must be one of the targets of the model{did_you_mean(rule['target'], listed)}"
                yield (*place, "rules", number, "target"), f"{rule['target']} {reason}"
        asked = entry.get("classifier", {}).get("model")
        if asked is not None and (reason := _wrong_target(asked, groups, known)):
            yield (*place, "classifier", "model"), reason


def _wrong_target(text: str, groups: list[str], known: list[str]) -> str:
    match target.parsed(text, groups):
        case None:
            return f"must be provider/model, or the name of another model{did_you_mean(text, groups)}"
        case ProviderModel(provider, _) if provider not in known:
            return f"names a provider that is not configured{did_you_mean(provider, known)}"
    return ""


def strategies(values: _Entry) -> Iterator[Violation]:
    """What a strategy needs has to be there."""
    for index, entry in enumerate(values.get("models", [])):
        weights, strategy = entry.get("weights"), entry.get("strategy")
        if weights is not None and len(weights) != len(entry.get("targets", [])):
            yield ("models", index, "weights"), "must have one number for each target"
        elif weights is not None and not any(weights):
            yield ("models", index, "weights"), "must not all be 0"
        elif strategy == "weighted" and weights is None:
            yield ("models", index, "weights"), "is missing"
        if strategy == "classifier" and "classifier" not in entry:
            yield ("models", index, "classifier"), "is missing"


def nesting(values: _Entry) -> Iterator[Violation]:
    """Groups must not contain themselves, and be nested ten deep at most."""
    groups = {entry["name"]: entry.get("targets", []) for entry in values.get("models", []) if "name" in entry}
    if cycle := _cycle(groups):
        yield ("models",), f"must not contain themselves: {' → '.join(cycle)}"
    elif len(longest := _longest(groups)) > DEEPEST:
        yield ("models",), f"must be nested at most {DEEPEST} deep: {' → '.join(longest)}"


def _cycle(groups: Mapping[str, Iterable[str]]) -> list[str]:
    """A way from a group back to itself, its name at both ends; empty if there is none."""
    done: set[str] = set()
    for start in groups:
        way: list[str] = []
        waiting = [iter((start,))]
        while waiting:  # depth first, without recursion: a file may nest more deeply than Python does
            name = next((one for one in waiting[-1] if one in groups and one not in done), None)
            if name is None:
                waiting.pop()
                if way:
                    done.add(way.pop())
            elif name in way:
                return [*way[way.index(name) :], name]
            else:
                way.append(name)
                waiting.append(iter(groups[name]))
    return []


def _longest(groups: Mapping[str, Iterable[str]]) -> list[str]:
    """The longest way down from a group, of groups without a cycle."""
    below: dict[str, list[str]] = {}
    while len(below) < len(groups):
        for name, listed in groups.items():
            inner = [one for one in listed if one in groups]
            if name not in below and all(one in below for one in inner):
                below[name] = [name, *max((below[one] for one in inner), key=len, default=[])]
    return max(below.values(), key=len, default=[])


RULES = (names, addresses, entra_ids, vertex, targets, strategies, nesting)
