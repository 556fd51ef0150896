"""What a dialect is: how to know its events, and how to fold them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from services.gl.streams.events import Event

Answer = dict[str, Any]


def _as_it_is(answer: Answer) -> Answer:
    return answer


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to stream an answer.

    `knows` is asked about single events and must be true for no other dialect's that comes later in the table.
    `fold` gets all events of the stream and may find anything in them. `cut_off` corrects the answer of a stream that
    broke before its end.
    """

    knows: Callable[[Event], bool]
    fold: Callable[[Iterable[Event]], Answer]
    cut_off: Callable[[Answer], Answer] = _as_it_is


def state_of(event: Event) -> dict[str, Any]:
    """The fields of an event; those of an SSE event named `error` without such a field are the error."""
    if event.name == "error" and "error" not in event.value:
        return {"error": event.value}
    return event.value
