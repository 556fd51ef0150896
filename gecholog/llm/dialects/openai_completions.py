"""OpenAI legacy completions: choices with `text`."""

from __future__ import annotations

from collections.abc import Iterable

from gecholog.llm.dialect import Answer, Dialect
from gecholog.llm.dialects.openai_choices import fold_choices
from gecholog.llm.event import Event


def _knows(event: Event) -> bool:
    choices = event.value.get("choices")
    if not isinstance(choices, list):
        return False
    return event.value.get("object") == "text_completion" or any(
        isinstance(choice, dict) and "text" in choice and "delta" not in choice for choice in choices
    )


def _fold(events: Iterable[Event]) -> Answer:
    return fold_choices(events, "text_completion")


DIALECT = Dialect(_knows, _fold)
