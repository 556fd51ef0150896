"""Providers of llm-gateway's list form, by their types.

Variables of the environment come before the file, as documented. They are not read here, but named in what is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from services.gl.import_config.imported import variable, versioned
from services.gl.import_config.source import Node

Entry = dict[str, Any]

# The types, and the keys that each one knows.
KEYS: Mapping[str, frozenset[str]] = {
    "openai": frozenset({"api_key", "api_url", "org_id", "api_version"}),
    "azure_openai": frozenset({"api_key", "api_url", "api_version", "api_type"}),
    "anthropic": frozenset({"api_key", "api_url"}),
    "gemini": frozenset({"api_key", "cloud_location"}),
    "ollama": frozenset({"api_url"}),
    "huggingface": frozenset({"api_key", "api_url"}),
    "vertex_ai": frozenset({"project_id", "location", "path_to_creds_file"}),
    "dummy": frozenset(),
}
NEVER_USED: Mapping[str, frozenset[str]] = {
    "openai": frozenset({"api_version"}),
    "gemini": frozenset({"cloud_location"}),
}
"""Keys that llm-gateway accepts and does nothing with."""

_PREFIXES = {"azure_openai": "AZURE_OPENAI", "huggingface": "HF"}


# Variables that are not called like their keys.
_WORDS = {("HF", "api_key"): "TOKEN", ("VERTEX_AI", "path_to_creds_file"): "CREDS_FILE"}
_GOOGLE_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_GOOGLE_KEY = "GOOGLE_API_KEY"


class Settings:
    """The settings of a provider: of a variable for its type, else of the file. `config` is where they are in the file.

    A variable is for all entries of a type. If there are several, it only fills in what an entry leaves open.
    """

    def __init__(
        self, kind: str, config: Node, values: dict[str, str], environment: Mapping[str, str], *, is_alone: bool
    ) -> None:
        self._prefix = _PREFIXES.get(kind, kind.upper())
        self._config = config
        self._values = values
        self._environment = environment
        self._is_alone = is_alone

    def of(self, name: str, default: str = "") -> str:
        """A setting: the variable, if it is set, by its name."""
        named = self._variable(name)
        given = self._values.get(name, "")
        if self._environment.get(named) and (self._is_alone or not given):
            return variable(named)
        return given or default

    def choice(self, name: str, default: str) -> str:
        """A setting that decides what is written, by its present value."""
        found = self.of(name, default)
        return self._environment[self._variable(name)] if found == variable(self._variable(name)) else found

    def has(self, name: str) -> bool:
        """Whether a variable is set and not empty."""
        return bool(self._environment.get(name))

    def key(self) -> str:
        """The API key, of the variable for the type or of the file. Raises ImportRefusedError if neither has one."""
        found = self.of("api_key")
        if not found:
            self.place("api_key").refuse(f"must be a key, because {self._variable('api_key')} is not set")
        return found

    def place(self, name: str) -> Node:
        """Where a setting is, or would be, in the file."""
        config = self._config
        return config.members().get(name) or Node(None, config.line, f"{config.path}.{name}")

    def _variable(self, name: str) -> str:
        return f"{self._prefix}_{_WORDS.get((self._prefix, name), name.upper())}"

    def url(self, default: str) -> str:
        """The URL of an API that speaks OpenAI's dialect."""
        url = self.of("api_url", default)
        return url if url.startswith("${") else versioned(url)


def provider(kind: str, settings: Settings) -> Entry:
    """The provider of an entry, without its name. Raises ImportRefusedError if it has no credentials."""
    return _MAKERS[kind](settings)


def _openai(settings: Settings) -> Entry:
    made: Entry = {"dialect": "openai", "url": settings.url("https://api.openai.com/v1"), "api_key": settings.key()}
    if organization := settings.of("org_id"):
        made["headers"] = {"OpenAI-Organization": [organization]}
    return made


def _azure(settings: Settings) -> Entry:
    kind = settings.choice("api_type", "AZURE")
    if kind == "OPEN_AI":
        return {"dialect": "openai", "url": settings.url("https://api.openai.com/v1"), "api_key": settings.key()}
    url = settings.of("api_url") or variable("AZURE_OPENAI_API_URL")
    made: Entry = {"dialect": "azure", "url": url, "api_version": settings.of("api_version", "v1")}
    if kind == "AZURE_AD":
        return made | {"headers": {"Authorization": [f"Bearer {settings.key()}"]}}
    return made | {"api_key": settings.key()}


def _anthropic(settings: Settings) -> Entry:
    url = settings.of("api_url", "https://api.anthropic.com")
    return {"dialect": "anthropic", "url": url, "api_key": settings.key()}


def _gemini(settings: Settings) -> Entry:
    return {"dialect": "gemini", "api_key": settings.key()}


def _ollama(settings: Settings) -> Entry:
    return {"dialect": "ollama", "url": settings.of("api_url", "http://localhost:11434")}


def _huggingface(settings: Settings) -> Entry:
    url = settings.url("https://router.huggingface.co/v1")
    return {"dialect": "openai", "profile": "huggingface", "url": url, "api_key": settings.key()}


def _vertex(settings: Settings) -> Entry:
    """Vertex AI by a file of credentials. With only a key of Google, llm-gateway called Gemini's API in its place."""
    file = settings.of("path_to_creds_file")
    if not file and not settings.has(_GOOGLE_FILE):
        if settings.has(_GOOGLE_KEY):
            return {"dialect": "gemini", "api_key": variable(_GOOGLE_KEY)}
        message = f"must be a file of credentials, because {_GOOGLE_FILE} is not set"
        settings.place("path_to_creds_file").refuse(message)
    project = settings.of("project_id") or variable("VERTEX_AI_PROJECT_ID|GOOGLE_CLOUD_PROJECT")
    made: Entry = {"dialect": "vertex", "project": project, "location": settings.of("location", "us-central1")}
    return made | ({"credentials_file": file} if file else {})


def _dummy(_: Settings) -> Entry:
    return {"dialect": "dummy"}


_MAKERS: Mapping[str, Callable[[Settings], Entry]] = {
    "openai": _openai,
    "azure_openai": _azure,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "ollama": _ollama,
    "huggingface": _huggingface,
    "vertex_ai": _vertex,
    "dummy": _dummy,
}
