"""The dialects in the order in which they are tried: first those with unmistakable events."""

from __future__ import annotations

from gecholog.llm.dialects.anthropic.fold import DIALECT as ANTHROPIC
from gecholog.llm.dialects.bedrock_converse.fold import DIALECT as BEDROCK_CONVERSE
from gecholog.llm.dialects.cohere.fold import DIALECT as COHERE
from gecholog.llm.dialects.failure import DIALECT as FAILURE
from gecholog.llm.dialects.gemini.fold import DIALECT as GEMINI
from gecholog.llm.dialects.ollama.fold import DIALECT as OLLAMA
from gecholog.llm.dialects.openai_chat.fold import DIALECT as OPENAI_CHAT
from gecholog.llm.dialects.openai_completions import DIALECT as OPENAI_COMPLETIONS
from gecholog.llm.dialects.openai_media import DIALECT as OPENAI_MEDIA
from gecholog.llm.dialects.openai_responses.fold import DIALECT as OPENAI_RESPONSES
from gecholog.llm.dialects.workers_ai import DIALECT as WORKERS_AI

DIALECTS = (
    OPENAI_RESPONSES,
    OPENAI_MEDIA,
    ANTHROPIC,
    BEDROCK_CONVERSE,
    COHERE,
    GEMINI,
    OLLAMA,
    WORKERS_AI,
    OPENAI_COMPLETIONS,
    OPENAI_CHAT,
    FAILURE,
)
