"""The list of models, as OpenAI's API has it: `GET models` and `GET models/NAME`. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.gl.models.registry import Registry
from services.gl.models.target import ProviderModel

_OWNER = "gecholog"


def listed(registry: Registry, created: int, shown: Callable[[str], bool]) -> dict[str, Any]:
    """All models that may be `shown`. `created` is a Unix time."""
    names = filter(shown, registry.names())
    return {"object": "list", "data": [_entry(registry, name, created) for name in names]}


def one(registry: Registry, name: str, created: int, shown: Callable[[str], bool]) -> dict[str, Any] | None:
    """One model, also one that is not listed but can be asked for; None if it cannot, or may not be shown."""
    return _entry(registry, name, created) if shown(name) and registry.meaning(name) is not None else None


def _entry(registry: Registry, name: str, created: int) -> dict[str, Any]:
    meaning = registry.meaning(name)
    entry = {"id": name, "object": "model", "created": created}
    if isinstance(meaning, ProviderModel):
        return entry | {"owned_by": meaning.provider}
    more = {"logic_level": meaning.logic_level, "primary_use": meaning.primary_use or None} if meaning else {}
    return entry | {"owned_by": _OWNER} | {field: value for field, value in more.items() if value is not None}
