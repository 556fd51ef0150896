"""Why answers end, in OpenAI's words and in those of the APIs that speak like it."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import FinishReason
from gecholog.llm.finish import Finish, read_finish

NATIVE = "native_finish_reason"
"""OpenRouter's member of a choice for the provider's own word."""

_REASONS = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "eos_token": FinishReason.STOP,  # Hugging Face
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,  # Mistral: the end of the context window
    "tool_calls": FinishReason.TOOL_CALLS,
    "tool_use": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "content_filtered": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.REFUSAL,
    "error": FinishReason.FAILED,  # Mistral, OpenRouter
    "insufficient_system_resource": FinishReason.FAILED,  # DeepSeek
    "abort": FinishReason.FAILED,  # vLLM
    "malformed_function_call": FinishReason.FAILED,  # Gemini's endpoint
}
_WORDS = {
    FinishReason.STOP: "stop",
    FinishReason.LENGTH: "length",
    FinishReason.TOOL_CALLS: "tool_calls",
    FinishReason.CONTENT_FILTER: "content_filter",
    FinishReason.REFUSAL: "content_filter",
    FinishReason.FAILED: "content_filter",  # the only one that tells an agent not to go on as if all was well
    FinishReason.OTHER: "stop",
}


def read_reason(word: Any, *, has_calls: bool, has_refusal: bool) -> Finish:
    """The reason. APIs say `stop` of calls that were forced, and of refusals. Some write their words in capitals."""
    told = word.lower() if isinstance(word, str) else None
    return read_finish(_REASONS, told, has_calls=has_calls, has_refusal=has_refusal)


def write_reason(reason: FinishReason | None, *, has_calls: bool, has_refusal: bool) -> str:
    """OpenAI's word; it has none for a refusal whose text is told."""
    if has_calls and reason in (FinishReason.STOP, FinishReason.OTHER, None):
        return "tool_calls"
    if reason is None or (reason is FinishReason.REFUSAL and has_refusal):
        return "stop"
    return _WORDS[reason]
