"""What was made of the config of another gateway."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from services.gl.import_config.source import Node, located

PATH = "/v1/"
"""The path of the router that serves imported models."""

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_DOLLAR = re.compile(r"\$(?!\{\w+(?:\|\w+)*\})", re.ASCII)  # one that begins no ${VARIABLE}
_VERSIONED = re.compile(r"/v\d+[a-z0-9]*(/openai)?$")


@dataclass
class Imported:
    """The parts of a `gl_config.json`, and what could not be carried over, as lines of text.

    `has_models` False: the file is not where the other gateway has its models.
    """

    system: str
    has_models: bool = True
    providers: list[dict[str, Any]] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    outbound: dict[str, Any] = field(default_factory=dict)  # of the router `/v1/`, beside `models`
    ingress: dict[str, list[str]] = field(default_factory=dict)  # headers that it requires of clients
    settings: dict[str, Any] = field(default_factory=dict)  # `gl_port`, `log_level`
    lost: list[str] = field(default_factory=list)
    files: list[Node] = field(default_factory=list)  # paths of files that must be there

    def lose(self, node: Node, message: str) -> None:
        """Note what is not carried over, and where it is in the file."""
        self.lost.append(located(node.line, node.path, message))

    def fragment(self) -> dict[str, Any]:
        """What belongs into a `gl_config.json`."""
        # as shipped: clients on other machines need a key, the one of the file if there is one
        ingress = {"headers": self.ingress} | ({} if self.ingress else {"keys": "remote"})
        router = {"path": PATH, "ingress": ingress, "outbound": {"models": ["*"]} | self.outbound}
        made = self.settings | {"providers": self.providers, "models": self.models, "routers": [router]}
        return {name: _escaped(value) for name, value in made.items()}

    def merged(self, config: dict[str, Any]) -> dict[str, Any]:
        """A whole `gl_config.json` with the imported providers, models and router `/v1/` in place of its own.

        Models, and providers with other names, stay if the imported file is not where models are.
        """
        made = self.fragment()
        if not self.has_models:
            names = {provider["name"] for provider in self.providers}
            kept = [provider for provider in config.get("providers", []) if provider.get("name") not in names]
            made |= {"providers": [*made["providers"], *kept], "models": config.get("models", [])}
        others = [router for router in config.get("routers", []) if router.get("path") != PATH]
        return config | made | {"routers": [*made["routers"], *others]}


class Names:
    """Names of providers in our form (`a-z`, `0-9`, `-`), each one once, and none of those that are `reserved`."""

    def __init__(self, reserved: frozenset[str] = frozenset()) -> None:
        self._taken = set(reserved)

    def of(self, wanted: str) -> str:
        """A name that is like the one that is wanted, and not taken yet."""
        base = found = _NOT_IN_NAMES.sub("-", wanted.lower()).strip("-") or "provider"
        number = 1
        while found in self._taken:
            number += 1
            found = f"{base}-{number}"
        self._taken.add(found)
        return found


def beginnings(models: Iterable[str]) -> frozenset[str]:
    """The parts before the first `/` of names of models, which no provider may have as its name.

    Else the target `openai/gpt` would be the model `openai/gpt`, and that its own target.
    """
    return frozenset(name.partition("/")[0] for name in models if "/" in name and "*" not in name)


def versioned(url: str) -> str:
    """The URL of an API that speaks OpenAI's dialect, with its version: `/v1` if it has none."""
    url = url.rstrip("/")
    return url if _VERSIONED.search(url) else f"{url}/v1"


def _escaped(value: Any) -> Any:
    """A value whose texts mean themselves: in a `gl_config.json`, `$` begins a variable, and `$$` is a dollar sign."""
    match value:
        case str():
            return _DOLLAR.sub("$$", value)
        case list():
            return [_escaped(item) for item in value]
        case dict():
            return {name: _escaped(item) for name, item in value.items()}
    return value


def is_address(url: str) -> bool:
    """Whether a URL can be called: it is http or https with a host, or comes from a variable."""
    if url.startswith("${"):
        return True
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def variable(name: str) -> str:
    """The value of a variable of the environment, read when the gateway starts."""
    return f"${{{name}}}"


def distinct(values: Iterable[str]) -> list[str]:
    """Each value once, in their order."""
    return list(dict.fromkeys(values))


def is_model_name(name: str) -> bool:
    """Tell whether a name can be one of ours: ASCII without spaces; `*` would stand for any characters."""
    return name != "" and "*" not in name and all("!" <= character <= "~" for character in name)


def log_level(word: str) -> str | None:
    """Our log level for that of another gateway; None for one that is not known."""
    return {
        "trace": "DEBUG",
        "debug": "DEBUG",
        "info": "INFO",
        "warn": "WARN",
        "warning": "WARN",
        "error": "ERROR",
        "fatal": "ERROR",
    }.get(word.lower())


def port(node: Node, found: Imported, *, is_strict: bool = True) -> None:
    """Take a port. A wrong one is refused, or only listed as lost if the file is not read strictly."""
    text, message = node.text(), "must be a port from 1 to 65535"
    if text.isdecimal() and text.isascii() and len(text) < 6 and 0 < int(text) < 65536:  # noqa: PLR2004 - ports
        found.settings["gl_port"] = int(text)
    elif text and is_strict:
        node.refuse(message)
    elif text:
        found.lose(node, message)
