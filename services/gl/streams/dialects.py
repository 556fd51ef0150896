"""The dialects in the order in which they are tried: first those with unmistakable events."""

from __future__ import annotations

from services.gl.streams import (
    anthropic,
    failure,
    gemini,
    ollama,
    openai_chat,
    openai_completions,
    openai_responses,
)

DIALECTS = (
    openai_responses.DIALECT,
    anthropic.DIALECT,
    gemini.DIALECT,
    ollama.DIALECT,
    openai_completions.DIALECT,
    openai_chat.DIALECT,
    failure.DIALECT,
)
