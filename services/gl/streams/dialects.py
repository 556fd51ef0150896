"""The dialects in the order in which they are tried: first those with unmistakable events."""

from __future__ import annotations

from services.gl.streams.anthropic import DIALECT as ANTHROPIC
from services.gl.streams.cohere import DIALECT as COHERE
from services.gl.streams.failure import DIALECT as FAILURE
from services.gl.streams.gemini import DIALECT as GEMINI
from services.gl.streams.ollama import DIALECT as OLLAMA
from services.gl.streams.openai_chat import DIALECT as OPENAI_CHAT
from services.gl.streams.openai_completions import DIALECT as OPENAI_COMPLETIONS
from services.gl.streams.openai_media import DIALECT as OPENAI_MEDIA
from services.gl.streams.openai_responses import DIALECT as OPENAI_RESPONSES
from services.gl.streams.workers_ai import DIALECT as WORKERS_AI

DIALECTS = (
    OPENAI_RESPONSES,
    OPENAI_MEDIA,
    ANTHROPIC,
    COHERE,
    GEMINI,
    OLLAMA,
    WORKERS_AI,
    OPENAI_COMPLETIONS,
    OPENAI_CHAT,
    FAILURE,
)
