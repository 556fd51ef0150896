"""Imports the `.env` of GopherGate: which providers it has keys for, its port, and Ollama's models."""

from __future__ import annotations

import re
from typing import Any

from services.gl.import_config.imported import Imported, port, variable
from services.gl.import_config.source import ImportRefusedError, Node

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_OLLAMA = "LLM_PROXY__PROVIDERS__OLLAMA__"
_OLLAMA_NAMES = frozenset(f"{_OLLAMA}{word}" for word in ("BASE_URL", "ENABLED", "MODELS"))
_PORT = "LLM_PROXY__SERVER__PORT"
_SECRET = "LLM_PROXY__ENCRYPTION_KEY"  # noqa: S105 - the name of a variable
# Keys of providers, as (dialect, profile).
_PROVIDERS = {
    "OPENAI_API_KEY": ("openai", "openai"),
    "GEMINI_API_KEY": ("gemini", ""),
    "DEEPSEEK_API_KEY": ("openai", "deepseek"),
    "MOONSHOT_API_KEY": ("openai", "moonshot"),
    "GROK_API_KEY": ("openai", "xai"),
    "XAI_API_KEY": ("openai", "xai"),
    "ANTHROPIC_API_KEY": ("anthropic", ""),
    "MISTRAL_API_KEY": ("openai", "mistral"),
    "GROQ_API_KEY": ("openai", "groq"),
    "OPENROUTER_API_KEY": ("openai", "openrouter"),
}


def looks_like(text: str) -> bool:
    """Tell whether a file has lines of variables only, and one of them is GopherGate's or a key."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    found = [_LINE.fullmatch(line) for line in lines]
    return (
        bool(lines)
        and all(found)
        and any(one and (one[1] in _PROVIDERS or one[1].startswith("LLM_PROXY__")) for one in found)
    )


def convert(text: str) -> Imported:
    """Convert a file. Keys stay in the environment: the config names the variables. Raises ImportRefusedError."""
    found = Imported("GopherGate", has_models=False)
    values = _values(text)
    for name, node in values.items():
        if name in _PROVIDERS and node.value:
            found.providers.append(_provider(name))
        elif name == _PORT:
            port(node, found)
        elif name == _SECRET:
            found.lose(node, "sessions are not kept here")
        elif name not in _OLLAMA_NAMES and name not in _PROVIDERS:
            found.lose(node, "has no equivalent")
    _ollama(values, found)
    return found


def _values(text: str) -> dict[str, Node]:
    values: dict[str, Node] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        found = _LINE.fullmatch(stripped)
        if found is None:
            raise ImportRefusedError(number, "", "must be NAME=VALUE")
        values[found[1]] = Node(_unquoted(found[2]), number, found[1])
    return values


def _unquoted(value: str) -> str:
    for quote in "\"'":
        if len(value) > 1 and value[0] == value[-1] == quote:
            return value[1:-1]
    return value.partition(" #")[0].strip()


def _provider(name: str) -> dict[str, Any]:
    dialect, profile = _PROVIDERS[name]
    entry = {"name": profile or dialect, "dialect": dialect, "api_key": variable(name)}
    return entry | ({"profile": profile} if profile else {})


def _ollama(values: dict[str, Node], found: Imported) -> None:
    """Take Ollama, unless it is switched off. Its URL had the path of OpenAI's dialect, which its own does not have."""
    url = values.get(f"{_OLLAMA}BASE_URL")
    enabled = values.get(f"{_OLLAMA}ENABLED")
    models = values.get(f"{_OLLAMA}MODELS")
    is_off = enabled is not None and enabled.text().lower() in ("false", "0", "no")
    if url is None or is_off:
        for node in (one for one in (url, models) if one is not None):
            found.lose(node, "Ollama is switched off" if is_off else f"{_OLLAMA}BASE_URL is missing")
        return
    entry: dict[str, Any] = {"name": "ollama", "dialect": "ollama", "url": url.text().rstrip("/").removesuffix("/v1")}
    if models is not None:
        entry["models"] = [name.strip() for name in models.text().split(",") if name.strip()]
    found.providers.append(entry)
