"""The media type in a `Content-Type` header (RFC 9110, section 8.3.1). Pure."""

from __future__ import annotations


def media_type(content_type: str) -> str:
    """The type without parameters, in lower case: `Text/Event-Stream; charset=utf-8` → `text/event-stream`."""
    return content_type.partition(";")[0].strip().lower()
