"""A stream that holds one error and nothing else: the answer is the error object, as without streaming.

Anything beside it but pings, a second error too, makes it a stream of a dialect that is not known, which is recorded
whole: results of a batch, for example, some of which failed.
"""

from __future__ import annotations

from collections.abc import Iterable

from gecholog.llm.dialect import Answer, Dialect, is_error, is_ping, state_of
from gecholog.llm.event import Event


def _knows(event: Event) -> bool:
    return is_error(state_of(event).get("error"))


def _fold(events: Iterable[Event]) -> Answer | None:
    told = [event for event in events if not is_ping(event)]
    return state_of(told[0]) if len(told) == 1 else None


DIALECT = Dialect(_knows, _fold)
