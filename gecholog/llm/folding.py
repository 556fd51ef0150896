"""Folds a stream into one response: detects its dialect and folds its events."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from gecholog import rawjson
from gecholog.llm.dialect import Answer, Dialect
from gecholog.llm.dialects.gemini.fold import DIALECT as GEMINI
from gecholog.llm.dialects.table import DIALECTS
from gecholog.llm.event import BOM, Event, UnreadableEvent, load_or_raise
from gecholog.llm.framing import events_of, items

_FIRST_EVENTS = 16  # a dialect shows in its first event; others may stand before it (Azure's filter results, pings)


def fold(data: bytes, content_type: str, *, completed: bool) -> Answer | None:
    """Fold a stream into one object, with the form of the API's response without streaming.

    `data` is the decoded body as far as it was received; `completed` tells whether that is all of it. Returns None if
    no dialect recognises the stream, or if an event cannot be read or the object cannot be serialized, because it is
    nested too deep.
    """
    if data.removeprefix(BOM).lstrip().startswith(b"["):
        return fold_array(data)
    try:
        return _folded(events_of(data, content_type, load_or_raise), DIALECTS, completed=completed)
    except UnreadableEvent:
        return None


def has_deep_event(data: bytes, content_type: str) -> bool:
    """Tell whether an event of a stream cannot be read because it is nested too deep."""
    try:
        for _ in events_of(data, content_type, load_or_raise):
            pass
    except UnreadableEvent:
        return True
    return False


def fold_array(data: bytes) -> Answer | None:
    """Fold the array of chunks that Gemini's `streamGenerateContent` sends without `alt=sse`.

    It arrives as plain `application/json`, so `is_stream` does not tell; ask for every body that begins with `[`. None
    if it is no such array. One that was cut off counts as far as its items are whole.
    """
    return _folded(items(data), (GEMINI,), completed=True)


def _folded(events: Iterator[Event], dialects: tuple[Dialect, ...], *, completed: bool) -> Answer | None:
    first = list(islice(events, _FIRST_EVENTS))
    dialect = next((known for known in dialects if any(map(known.knows, first))), None)
    if dialect is None:
        return None
    try:
        answer = dialect.fold(chain(first, events))
    except RecursionError:
        return None
    if answer is None:
        return None
    answer = answer if completed else dialect.mark_incomplete(answer)
    return answer if _can_be_written(answer) else None


def _can_be_written(answer: Answer) -> bool:
    """Tell whether a record can hold `answer`: orjson writes 254 levels, some of them are the record's own."""
    try:
        rawjson.dumps([[[[[[[[answer]]]]]]]])
    except (TypeError, ValueError, RecursionError):
        return False
    return True
