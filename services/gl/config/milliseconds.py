"""Times of the config file, which has them in milliseconds. Pure."""

from __future__ import annotations

from typing import Any


def seconds(values: dict[str, Any], name: str, default: float | None) -> float | None:
    """Milliseconds of a field as seconds; 0 in the file is None here: no limit."""
    return (values[name] / 1000 or None) if name in values else default
