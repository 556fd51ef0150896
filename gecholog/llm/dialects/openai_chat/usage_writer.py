"""Token usage as chat completions tell it."""

from __future__ import annotations

from typing import Any

from gecholog.llm.usage import Usage


def write_usage(usage: Usage) -> dict[str, Any]:
    """The `usage` object: what is not known counts as 0, for clients want numbers; details only if known."""
    prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
    fields: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    details = {
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_creation_tokens,
        "audio_tokens": usage.details.audio_input,
    }
    if known := {name: count for name, count in details.items() if count is not None}:
        fields["prompt_tokens_details"] = known
    details = {"reasoning_tokens": usage.reasoning_tokens, "audio_tokens": usage.details.audio_output}
    if known := {name: count for name, count in details.items() if count is not None}:
        fields["completion_tokens_details"] = known
    return fields
