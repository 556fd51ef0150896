"""What the ledger takes from a recorded payload without storing it: its size, and the model that it names. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

_SUMMARIES = (b'{"size":', b'{"content_type":')
_LARGEST_SIZE = 10**12


class _Summary(msgspec.Struct):
    size: Any = None


class _Named(msgspec.Struct):
    model: Any = None
    model_version: Any = msgspec.field(default=None, name="modelVersion")  # Gemini's


_summaries = msgspec.json.Decoder(_Summary)
_named = msgspec.json.Decoder(_Named)


def size_of(payload: msgspec.Raw) -> int:
    """The size of a payload in bytes, without its content encoding: as recorded, or as its summary says.

    Without a payload it is 0.
    """
    data = bytes(payload)
    if data.startswith(_SUMMARIES):
        try:
            size = _summaries.decode(data).size
        except (msgspec.DecodeError, ValueError, RecursionError):
            size = None
        if isinstance(size, int) and 0 <= size <= _LARGEST_SIZE:
            return size
    return len(data)


def model_of(payload: msgspec.Raw) -> str:
    """The model that a payload names at its top level; empty if it names none."""
    data = bytes(payload)
    if not data.startswith(b"{"):
        return ""
    try:
        named = _named.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""
    return next((name for name in (named.model, named.model_version) if isinstance(name, str)), "")
