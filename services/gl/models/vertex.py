"""Vertex AI: where its models are, and whose they are. Pure.

https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

GLOBAL = "global"
_CONTINENTS = frozenset({"eu", "us"})
_CLAUDE = "claude-"


class Publisher(Enum):
    """The publisher of a model, as paths name it. It decides which dialect the model speaks."""

    GOOGLE = "google"
    ANTHROPIC = "anthropic"


class VertexPlace(NamedTuple):
    """The project that pays, and the location that serves. An empty project is that of an API key."""

    project: str = ""
    location: str = GLOBAL

    @property
    def path(self) -> str:
        """The beginning of the path of a model."""
        return f"/projects/{self.project}/locations/{self.location}" if self.project else ""


def vertex_url(location: str) -> str:
    """The base URL of a location: a region, `global`, or one of the continents `eu` and `us`."""
    if location in {"", GLOBAL}:
        return "https://aiplatform.googleapis.com"
    if location in _CONTINENTS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def publisher_of(model: str) -> Publisher:
    """The publisher of a model, by its name."""
    return Publisher.ANTHROPIC if model.startswith(_CLAUDE) else Publisher.GOOGLE
