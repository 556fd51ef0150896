"""Targets: what an entry of a model's `targets` names. Pure."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple


class ProviderModel(NamedTuple):
    """A model of a provider, as `provider/model` names it."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


def parsed(text: str, groups: Container[str]) -> ProviderModel | str | None:
    """What a target names: a group (its name), a model of a provider, or nothing that can be understood (None).

    A name of `groups` is one even with a slash in it; the name of a provider ends at the first slash.
    """
    if text in groups:
        return text
    provider, slash, model = text.partition("/")
    return ProviderModel(provider, model) if slash and provider and model else None
