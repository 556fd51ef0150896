"""Estimates the token usage of a request and its answer from their texts, if the answer does not report it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gecholog.llm import payload_text
from gecholog.llm.usage import Usage

ESTIMATED = "estimated"
_MESSAGE = 4  # tokens around each message of a prompt


def estimate_usage(request: Any, answer: Any, count: Callable[[Sequence[str]], int]) -> Usage | None:
    """The usage of an answer, by its texts and those of its request (decoded JSON); None if the answer has no text.

    Images, sound, documents and descriptions of tools are not counted.
    """
    said = payload_text.answered(answer)
    if not said:
        return None
    asked = payload_text.asked(request)
    prompt = count([item.text for item in asked]) + _MESSAGE * len(asked)
    completion = count([item.text for item in said])
    return Usage(ESTIMATED, prompt, completion, prompt + completion)
