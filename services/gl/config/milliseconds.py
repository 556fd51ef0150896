"""Converts the times of the config file, which are in milliseconds. Pure."""

from __future__ import annotations

from typing import Any


def seconds(values: dict[str, Any], name: str, default: float | None) -> float | None:
    """The value of a field in seconds. 0 in the file becomes None: no limit."""
    return (values[name] / 1000 or None) if name in values else default
