"""Shrinks a record that is too large for the bus. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog import rawjson
from services.gl.record.payload import truncate_to

if TYPE_CHECKING:
    from gecholog.record import Fields

_SMALLEST_CUT = 4096  # bytes; smaller fields are not truncated


def shrink(data: bytes, limit: int, why: str) -> bytes:
    """Shrink a record to at most `limit` bytes: replace its largest field by a summary until it fits.

    The truncated fields and the reason `why` are noted in the `error` of the record.
    """
    if len(data) <= limit:
        return data
    whole: Fields = dict(rawjson.split(data))
    sides = {name: dict(rawjson.split(whole[name])) for name in ("request", "response")}
    errors: list[Any] = rawjson.loads(whole["error"]) if "error" in whole else []
    whole |= sides
    while len(data) > limit:
        side, name, size = _largest(sides)
        if size < _SMALLEST_CUT:
            break
        sides[side][name] = truncate_to(sides[side][name], _SMALLEST_CUT // 2)
        errors.append({"name": f"{side}.{name}", "details": f"{size} bytes, cut {why}"})
        whole["error"] = errors
        data = rawjson.dumps(whole)
    return data


def _largest(sides: dict[str, Fields]) -> tuple[str, str, int]:
    sizes = [
        (len(rawjson.dumps(value)), side, name) for side, fields in sides.items() for name, value in fields.items()
    ]
    size, side, name = max(sizes, default=(0, "", ""))
    return side, name, size
