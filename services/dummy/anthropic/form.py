"""Reads fields in requests to Anthropic's API. Messages are those of the API."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from services.dummy.api_error import ApiError
from services.dummy.fields import JsonBody

NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
CACHE = frozenset({"cache_control"})


def wrong(where: str, problem: str) -> ApiError:
    """Return the error for a field."""
    return ApiError(f"{where}: {problem}", param=where)


def fields(value: Any, where: str, required: Iterable[str], optional: Iterable[str]) -> None:
    if not isinstance(value, dict):
        raise wrong(where, "Input should be a valid dictionary or object to extract fields from")
    before = f"{where}." if where else ""
    for name in required:
        if value.get(name) is None:
            raise wrong(f"{before}{name}", "Field required")
    for name in value:
        if name not in required and name not in optional:
            raise wrong(f"{before}{name}", "Extra inputs are not permitted")


def listed(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise wrong(where, "Input should be a valid list")
    return value


def text(value: Any, where: str, least: int = 0) -> None:
    if not isinstance(value, str):
        raise wrong(where, "Input should be a valid string")
    if len(value) < least:
        raise wrong(where, f"String should have at least {least} character")


def number(value: Any, where: str, limits: tuple[int, int | None], *, is_integer: bool = False) -> None:
    """Refuse what is no number within limits. None is fine: the field is absent."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int if is_integer else (int, float)):
        raise wrong(where, f"Input should be a valid {'integer' if is_integer else 'number'}")
    least, most = limits
    if value < least:
        raise wrong(where, f"Input should be greater than or equal to {least}")
    if most is not None and value > most:
        raise wrong(where, f"Input should be less than or equal to {most}")


def cache(block: JsonBody, place: str) -> None:
    control = block.get("cache_control")
    if control is None:
        return
    fields(control, f"{place}.cache_control.ephemeral", {"type"}, {"ttl"})
    if control["type"] != "ephemeral" or control.get("ttl", "5m") not in ("5m", "1h"):
        raise wrong(f"{place}.cache_control", "Input should be 'ephemeral', with a ttl of '5m' or '1h'")
