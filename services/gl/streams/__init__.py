"""Folding of streamed answers (being written)."""


def is_stream(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() in ("text/event-stream", "application/x-ndjson")


def fold(data, content_type, *, completed):
    return None
