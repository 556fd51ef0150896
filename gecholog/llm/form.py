"""The field `model` of an upload (multipart/form-data, RFC 7578), read and replaced in its bytes. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^\s;,"]+))', re.IGNORECASE)
_NAME = re.compile(
    rb'^content-disposition:[^\r\n]*[;\s]name=(?:"model"|model(?=[\s;\r\n]|$))', re.IGNORECASE | re.MULTILINE
)
_LONGEST_HEAD = 8192  # bytes of the head of a part
_LONGEST_BOUNDARY = 70  # characters (RFC 2046, section 5.1.1)


class _Span(NamedTuple):
    """Where the value stands."""

    start: int
    end: int


def model_in_form(body: bytes, content_type: str) -> str | None:
    """The model that a form names; empty if it has none or several. None if it cannot be read."""
    boundary = _boundary(content_type)
    if boundary is None:
        return None
    span = _model(body, boundary)
    return "" if span is None else body[span.start : span.end].decode("utf-8", "replace").strip()


def with_model_in_form(body: bytes, content_type: str, model: str) -> bytes:
    """A form with another model; all other bytes stay."""
    boundary = _boundary(content_type)
    span = None if boundary is None else _model(body, boundary)
    if span is None:
        return body
    view = memoryview(body)
    return b"".join((view[: span.start], model.encode("utf-8", "replace"), view[span.end :]))


def _boundary(content_type: str) -> bytes | None:
    if not content_type.lower().startswith("multipart/form-data"):
        return None
    found = _BOUNDARY.search(content_type)
    text = (found[1] or found[2]) if found else ""
    return b"--" + text.encode("latin-1", "replace") if 0 < len(text) <= _LONGEST_BOUNDARY else None


def _model(body: bytes, delimiter: bytes) -> _Span | None:
    """The value of the field. None without one, and with a second one, which servers may take in its place.

    Parts are found by their delimiters alone: what is in a file is not looked at.
    """
    found: _Span | None = None
    at = 0 if body.startswith(delimiter) else body.find(b"\r\n" + delimiter) + 2
    while at >= 0 and body.startswith(delimiter, at):
        head = body.find(b"\r\n", at) + 2
        begin = body.find(b"\r\n\r\n", head, head + _LONGEST_HEAD)
        end = body.find(b"\r\n" + delimiter, at + len(delimiter))
        if begin < 0 or end < 0 or begin > end:
            break
        if _NAME.search(body[head:begin]):
            if found is not None:
                return None
            found = _Span(begin + 4, max(end, begin + 4))
        at = end + 2
    return found
