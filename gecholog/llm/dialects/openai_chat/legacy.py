"""Answers for clients that send `functions`, the form before there were tools: `function_call`, not `tool_calls`.

https://platform.openai.com/docs/api-reference/chat/create#chat-create-functions
"""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat_dialect import ReplyContext

FUNCTIONS = "functions"
FINISH = "function_call"


def wants_functions(context: ReplyContext) -> bool:
    """Whether the client of a call wants this form."""
    return context.request.reply_style == FUNCTIONS


def with_function_call(message: dict[str, Any]) -> dict[str, Any]:
    """A message with its first tool call in the old form, which has one call only."""
    calls = message.get("tool_calls")
    if not calls:
        return message
    others = {name: value for name, value in message.items() if name != "tool_calls"}
    return others | {"function_call": calls[0]["function"]}
