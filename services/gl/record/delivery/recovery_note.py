"""Notes in a record that it was accepted but never became final. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog import rawjson

if TYPE_CHECKING:
    from gecholog.record import Fields


def recovered(data: bytes, details: str) -> bytes:
    """Add a note to a record that is not final. `details` is the reason. Raises NotJson."""
    fields: Fields = dict(rawjson.split(data))
    errors = rawjson.loads(fields["error"]) if "error" in fields else []
    fields["error"] = [*errors, {"name": "recovered", "details": details}]
    return rawjson.dumps(fields)
