"""The chat dialects that can be translated into each other, by name."""

from __future__ import annotations

from gecholog.llm.dialects.anthropic.dialect import CHAT as ANTHROPIC
from gecholog.llm.dialects.anthropic.vertex import CHAT as ANTHROPIC_VERTEX
from gecholog.llm.dialects.bedrock_converse.dialect import CHAT as BEDROCK_CONVERSE
from gecholog.llm.dialects.cohere.dialect import CHAT as COHERE
from gecholog.llm.dialects.gemini.dialect import CHAT as GEMINI
from gecholog.llm.dialects.ollama.dialect import CHAT as OLLAMA
from gecholog.llm.dialects.openai_chat.dialect import CHAT as OPENAI_CHAT
from gecholog.llm.dialects.openai_responses.dialect import CHAT as OPENAI_RESPONSES

CHAT_DIALECTS = {
    dialect.name: dialect
    for dialect in (
        OPENAI_CHAT,
        OPENAI_RESPONSES,
        ANTHROPIC,
        ANTHROPIC_VERTEX,
        GEMINI,
        OLLAMA,
        BEDROCK_CONVERSE,
        COHERE,
    )
}
