"""Examines the last events of an incomplete stream for its end."""

from __future__ import annotations

from collections.abc import Iterator

from gecholog import rawjson
from gecholog.llm.dialects.table import DIALECTS
from gecholog.llm.event import Event
from gecholog.llm.framing import lines, server_sent
from gecholog.llm.sse import begins_as_sse, with_lf
from gecholog.llm.usage_fields import has_counts

_LAST_EVENTS = 16  # comments, pings and usage may follow the event that is searched
_DONE = b"[DONE]"


def has_ended(data: bytes) -> bool:
    """Tell whether a stream, as far as it was received, has the end mark of its API.

    That is `[DONE]`, Anthropic's `message_stop`, `response.completed` and the like, Ollama's `done`, a `finishReason`
    of all of Gemini's candidates, the end of its array.
    """
    if data.lstrip().startswith(b"["):
        return rawjson.is_json(data)
    tail = _tail(data)
    return _has_done(tail) or any(
        known.knows(event) and known.ends(event) for event in _events(tail) for known in DIALECTS
    )


def awaits_usage(data: bytes) -> bool:
    """Tell whether only the usage is missing of an OpenAI stream: a choice is finished."""
    finished = False
    for event in _events(_tail(data)):
        if has_counts(event.value.get("usage")):
            return False
        choices = event.value.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            finished = finished or (isinstance(choice, dict) and bool(choice.get("finish_reason")))
    return finished


def _tail(data: bytes) -> bytes:
    """The last events: blocks of SSE, or lines."""
    separator = b"\n\n" if begins_as_sse(data) else b"\n"
    return separator.join(with_lf(data).rsplit(separator, _LAST_EVENTS)[-_LAST_EVENTS:])


def _has_done(tail: bytes) -> bool:
    return any(line.removeprefix(b"data:").strip() == _DONE for line in tail.splitlines())


def _events(tail: bytes) -> Iterator[Event]:
    return lines(tail) if tail.lstrip().startswith(b"{") else server_sent(tail)
