"""The name of the model that an answer reports. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MEMBERS = ("model", "modelVersion")
"""Members of an answer with the name: of nearly all APIs, and of Gemini."""


def model_of(answer: Mapping[str, Any]) -> str:
    """The model that an answer (decoded JSON, or a folded stream) names; empty if it names none."""
    for name in MEMBERS:
        if isinstance(found := answer.get(name), str) and found:
            return found
    return ""
