"""OpenAI chat completions, spoken by many: Azure, vLLM, Groq, Mistral, DeepSeek, OpenRouter, Ollama's /v1."""

from __future__ import annotations

from collections.abc import Iterable

from services.gl.streams.dialect import Answer, Dialect
from services.gl.streams.events import Event
from services.gl.streams.openai_choices import fold_choices


def _knows(event: Event) -> bool:
    return isinstance(event.value.get("choices"), list)


def _fold(events: Iterable[Event]) -> Answer:
    return fold_choices(events, "chat.completion")


DIALECT = Dialect(_knows, _fold)
