"""Bodies of any size, like those of an LLM API. Pure functions."""

from __future__ import annotations

import json
from typing import Any

MODEL = "bench"
WORDS = "the quick brown fox jumps over the lazy dog and thinks about tokens "


def question(size: int, model: str = MODEL, *, stream: bool = False) -> bytes:
    """Return a chat request of `size` bytes."""
    extra = {"stream": True} if stream else {}
    return _filled({"model": model, "messages": [{"role": "user", "content": "{}"}]} | extra, size)


def answer(size: int) -> bytes:
    """Return a chat response of `size` bytes with usage."""
    message = {"role": "assistant", "content": "{}"}
    return _filled(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "bench",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 120, "completion_tokens": 80, "total_tokens": 200},
        },
        size,
    )


def _filled(value: dict[str, Any], size: int) -> bytes:
    """Return `value` as JSON of `size` bytes, with words in place of `{}`."""
    text = json.dumps(value, separators=(",", ":"))
    room = max(size - len(text) + len("{}"), 1)
    words = (WORDS * (room // len(WORDS) + 1))[:room]
    return text.replace('"{}"', f'"{words}"').encode("ascii")
