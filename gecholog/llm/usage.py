"""Token usage of a response of any API, recognised by its shape.

APIs count differently. A `Usage` always counts in one way: the prompt includes tokens read from and written to a cache,
the completion includes reasoning, and the total is their sum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gecholog.llm.usage_shapes import MOST, NO_DETAILS, SHAPES, Counts, Fields, TokenDetails

PROVIDER = "provider"


@dataclass(slots=True)  # not frozen: setting frozen fields costs a thousand instructions each, for each call
class Usage:
    """Tokens of one call. None means that the provider does not report the number.

    `prompt_tokens` holds `cached_tokens` (read from a cache) and `cache_creation_tokens` (written to one),
    `completion_tokens` holds `reasoning_tokens`. `source` tells who counted. `details` are numbers that have prices of
    their own and are not in records.
    """

    source: str = PROVIDER
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    cache_creation_tokens: int | None = None
    reasoning_tokens: int | None = None
    details: TokenDetails = field(default=NO_DETAILS, compare=False)

    def fields(self) -> dict[str, Any]:
        """The usage for the record, without unknown numbers."""
        found: dict[str, Any] = {"source": self.source, **self.counts()}
        if self.cached_tokens is not None:
            found["cached_tokens"] = self.cached_tokens
        if self.cache_creation_tokens is not None:
            found["cache_creation_tokens"] = self.cache_creation_tokens
        if self.reasoning_tokens is not None:
            found["reasoning_tokens"] = self.reasoning_tokens
        return found

    def counts(self) -> dict[str, int]:
        """The known ones of the three numbers of a record's `token_count`."""
        found = {}
        if self.prompt_tokens is not None:
            found["prompt_tokens"] = self.prompt_tokens
        if self.completion_tokens is not None:
            found["completion_tokens"] = self.completion_tokens
        if self.total_tokens is not None:
            found["total_tokens"] = self.total_tokens
        return found


NONE: Usage = Usage(source="none")


def usage_of(answer: Fields) -> Usage | None:
    """The token usage in a response (decoded JSON, or a folded stream), or None."""
    for shape in SHAPES:
        found = shape(answer)
        if found is not None and (found.prompt, found.completion, found.total) != (None, None, None):
            return _usage(found)
    result = answer.get("result")  # Cloudflare's envelope
    return usage_of(result) if isinstance(result, dict) and "success" in answer else None


def _usage(counts: Counts) -> Usage:
    prompt, completion = (counts.prompt, counts.completion) if counts.total is None else _repaired(counts, counts.total)
    total = min((prompt or 0) + (completion or 0), MOST)
    return Usage(
        PROVIDER,
        prompt,
        completion,
        total,
        counts.cached,
        counts.creation,
        counts.reasoning,
        counts.details,
    )


def _repaired(counts: Counts, total: int) -> tuple[int | None, int | None]:
    """The prompt and the completion, corrected by tokens that only the total includes.

    xAI leaves reasoning out of the completion, Mistral audio out of the prompt, and Gemini's endpoint for OpenAI's
    clients does not tell of thoughts at all. An answer with a total only (embeddings) has no completion.
    """
    prompt, completion = counts.prompt, counts.completion
    if prompt is None:
        return max(0, total - (completion or 0)), completion
    gap = total - prompt - (completion or 0)
    if gap <= 0:
        return prompt, completion
    if gap != counts.reasoning and gap in counts.prompt_parts:
        return prompt + gap, completion
    return prompt, (completion or 0) + gap
