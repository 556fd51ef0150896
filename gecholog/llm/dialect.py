"""The definition of a dialect: how to recognise its events, and how to fold them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gecholog.llm.event import Event

Answer = dict[str, Any]


def _as_it_is(answer: Answer) -> Answer:
    return answer


def _never(_: Event) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Dialect:
    """The streaming format of an API.

    `knows` is asked about single events and must be true for no other dialect's that comes later in the table.
    `fold` gets all events of the stream and may find anything in them; None if the stream is not this dialect's after
    all. `mark_incomplete` corrects the answer of a stream that broke before its end. `ends` tells the event that is the
    API's mark for the end of a stream (`[DONE]`, which is no JSON, counts for all).
    """

    knows: Callable[[Event], bool]
    fold: Callable[[Iterable[Event]], Answer | None]
    mark_incomplete: Callable[[Answer], Answer] = _as_it_is
    ends: Callable[[Event], bool] = _never


def is_error(value: Any) -> bool:
    """Tell whether the `error` member of an event reports an error.

    APIs report one as a text, an object, or `true` beside a message. Many send the member with every event: null, or
    what their language writes for nothing (`""`, `{}`, `false`, Go's `{"message": "", "code": 0}`). That is none.
    """
    if isinstance(value, dict):
        return any(map(is_error, value.values()))
    if isinstance(value, list):
        return any(map(is_error, value))
    return bool(value)


def is_ping(event: Event) -> bool:
    """Tell whether an event says nothing but that the connection is alive."""
    return event.name == "ping" or event.value.get("type") == "ping"


def state_of(event: Event) -> dict[str, Any]:
    """The fields of an event; those of an SSE event named `error` without such a field are the error."""
    if event.name == "error" and not is_error(event.value.get("error")):
        return {"error": event.value}
    return event.value
