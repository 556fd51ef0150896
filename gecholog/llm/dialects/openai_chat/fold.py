"""OpenAI chat completions, spoken by many: Azure, vLLM, Groq, Mistral, DeepSeek, OpenRouter, Ollama's /v1."""

from __future__ import annotations

from collections.abc import Iterable

from gecholog.llm.dialect import Answer, Dialect
from gecholog.llm.dialects.openai_choices import fold_choices
from gecholog.llm.event import Event


def _knows(event: Event) -> bool:
    return isinstance(event.value.get("choices"), list)


def _fold(events: Iterable[Event]) -> Answer:
    return fold_choices(events, "chat.completion")


DIALECT = Dialect(_knows, _fold)
