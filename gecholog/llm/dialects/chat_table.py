"""The chat dialects that can be translated into each other, by name."""

from __future__ import annotations

from gecholog.llm.dialects.anthropic.dialect import CHAT as ANTHROPIC
from gecholog.llm.dialects.openai_chat.dialect import CHAT as OPENAI_CHAT

CHAT_DIALECTS = {dialect.name: dialect for dialect in (OPENAI_CHAT, ANTHROPIC)}
