"""Bodies like those of an LLM API, of any size. Pure."""

from __future__ import annotations

import json
from typing import Any

MODEL = "bench"
WORDS = "the quick brown fox jumps over the lazy dog and thinks about tokens "


def question(size: int, model: str = MODEL, *, stream: bool = False) -> bytes:
    """A chat request of `size` bytes."""
    extra = {"stream": True} if stream else {}
    return _filled({"model": model, "messages": [{"role": "user", "content": "{}"}]} | extra, size)


def answer(size: int) -> bytes:
    """The answer to a chat request, of `size` bytes, with usage."""
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
    """JSON of `value` with words in place of the one `{}`, so many that it has `size` bytes."""
    text = json.dumps(value, separators=(",", ":"))
    room = max(size - len(text) + len("{}"), 1)
    words = (WORDS * (room // len(WORDS) + 1))[:room]
    return text.replace('"{}"', f'"{words}"').encode("ascii")
