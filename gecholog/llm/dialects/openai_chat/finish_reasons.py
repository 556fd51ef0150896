"""Why answers end, in OpenAI's words and in those of the APIs that speak like it."""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat import FinishReason

_REASONS = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,  # Mistral: the end of the context window
    "tool_calls": FinishReason.TOOL_CALLS,
    "tool_use": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}
_WORDS = {
    FinishReason.STOP: "stop",
    FinishReason.LENGTH: "length",
    FinishReason.TOOL_CALLS: "tool_calls",
    FinishReason.CONTENT_FILTER: "content_filter",
    FinishReason.REFUSAL: "content_filter",
}


def read_reason(word: Any, *, has_calls: bool, has_refusal: bool) -> FinishReason | None:
    """The reason. APIs say `stop` of calls that were forced, and of refusals; None for what no API is known to say."""
    reason = _REASONS.get(word) if isinstance(word, str) else None
    if reason in (FinishReason.STOP, None):
        if has_calls:
            return FinishReason.TOOL_CALLS
        if has_refusal:
            return FinishReason.REFUSAL
    return reason


def write_reason(reason: FinishReason | None, *, has_calls: bool, has_refusal: bool) -> str:
    """OpenAI's word; it has none for a refusal whose text is told."""
    if has_calls and reason in (FinishReason.STOP, None):
        return "tool_calls"
    if reason is None or (reason is FinishReason.REFUSAL and has_refusal):
        return "stop"
    return _WORDS[reason]
