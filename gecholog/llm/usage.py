"""Token usage of an answer, recognised by its shape, whatever API it came from.

APIs count differently; a `Usage` counts one way: the prompt with what was read from and written to a cache, the
completion with reasoning, the total as their sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

PROVIDER = "provider"
_MOST = 2**63 - 1  # what fits the integers of the systems that read records

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; None is what the provider does not tell, 0 what it tells to be none.

    `prompt_tokens` holds `cached_tokens` (read from a cache) and `cache_creation_tokens` (written to one),
    `completion_tokens` holds `reasoning_tokens`. `source` tells who counted.
    """

    source: str = PROVIDER
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    cache_creation_tokens: int | None = None
    reasoning_tokens: int | None = None

    def fields(self) -> dict[str, Any]:
        """The usage as a record holds it: without what is not known."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}

    def counts(self) -> dict[str, int]:
        """The three numbers of a record's `token_count`, as far as they are known."""
        named = (self.prompt_tokens, self.completion_tokens, self.total_tokens)
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        return {name: value for name, value in zip(names, named, strict=True) if value is not None}


NONE = Usage(source="none")


class _Counts(NamedTuple):
    """What an API tells. `prompt_parts` are numbers that its total may hold beyond prompt and completion."""

    prompt: int | None
    completion: int | None
    total: int | None = None
    cached: int | None = None
    creation: int | None = None
    reasoning: int | None = None
    prompt_parts: tuple[int | None, ...] = ()


def usage_of(answer: Fields) -> Usage | None:
    """The token usage in an answer (decoded JSON, a stream folded into one object); None if it tells none."""
    for shape in _SHAPES:
        found = shape(answer)
        if found is not None and (found.prompt, found.completion, found.total) != (None, None, None):
            return _usage(found)
    result = answer.get("result")  # Cloudflare's envelope
    return usage_of(result) if isinstance(result, dict) and "success" in answer else None


def _usage(counts: _Counts) -> Usage:
    prompt, completion = (counts.prompt, counts.completion) if counts.total is None else _repaired(counts, counts.total)
    total = min((prompt or 0) + (completion or 0), _MOST)
    return Usage(PROVIDER, prompt, completion, total, counts.cached, counts.creation, counts.reasoning)


def _repaired(counts: _Counts, total: int) -> tuple[int | None, int | None]:
    """Prompt and completion with what only the total holds.

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


# ------------------------------------------------------------------ shapes


def _in_usage(answer: Fields) -> _Counts | None:
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        return None
    if "inputTokens" in usage or "outputTokens" in usage:
        return _converse(usage)
    if isinstance(usage.get("tokens"), dict) or isinstance(usage.get("billed_units"), dict):
        return _cohere(usage)
    if "input_tokens" in usage or "output_tokens" in usage:
        return _input_output(usage)
    return _chat(usage)


def _chat(usage: Fields) -> _Counts:
    """OpenAI's chat completions, completions and embeddings, and the many that speak like them."""
    details, completion = _object(usage, "prompt_tokens_details"), _object(usage, "completion_tokens_details")
    cached = _any(
        (details, "cached_tokens"),
        (usage, "prompt_cache_hit_tokens"),  # DeepSeek
        (usage, "cached_tokens"),  # Moonshot
        (usage, "num_cached_tokens"),
        (usage, "cache_read_input_tokens"),  # Venice
    )
    creation = _any((details, "cache_write_tokens"), (usage, "cache_creation_input_tokens"))
    return _Counts(
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
        _count(usage, "total_tokens"),
        cached,
        creation,
        _any((completion, "reasoning_tokens"), (usage, "reasoning_tokens")),
        (_count(details, "audio_tokens"), _sum(cached, creation)) if details else (),
    )


def _input_output(usage: Fields) -> _Counts:
    """OpenAI's responses, images, transcripts and speech; Anthropic, which leaves cached input out of the input."""
    details, output = _object(usage, "input_tokens_details"), _object(usage, "output_tokens_details")
    read, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    prompt = _count(usage, "input_tokens")
    if not details and prompt is not None:
        prompt = _sum(prompt, read, written)
    return _Counts(
        prompt=prompt,
        completion=_count(usage, "output_tokens"),
        total=_count(usage, "total_tokens"),
        cached=_any((details, "cached_tokens"), (usage, "cache_read_input_tokens")),
        creation=_any((details, "cache_write_tokens"), (usage, "cache_creation_input_tokens")),
        reasoning=_any((output, "reasoning_tokens"), (output, "thinking_tokens")),
    )


def _converse(usage: Fields) -> _Counts:
    """Bedrock Converse: cached input is counted apart, and in the total."""
    read, written = _count(usage, "cacheReadInputTokens"), _count(usage, "cacheWriteInputTokens")
    prompt = _count(usage, "inputTokens")
    return _Counts(
        prompt=None if prompt is None else _sum(prompt, read, written),
        completion=_count(usage, "outputTokens"),
        total=_count(usage, "totalTokens"),
        cached=read,
        creation=written,
    )


def _cohere(usage: Fields) -> _Counts:
    """Cohere: `tokens` are those that the model saw, `billed_units` leave the chat template out."""
    tokens = _object(usage, "tokens") or _object(usage, "billed_units")
    return _Counts(
        prompt=_count(tokens, "input_tokens"),
        completion=_count(tokens, "output_tokens"),
        cached=_count(usage, "cached_tokens"),
    )


def _cohere_meta(answer: Fields) -> _Counts | None:
    """Cohere's version 1, and its embeddings."""
    meta = answer.get("meta")
    return _cohere(meta) if isinstance(meta, dict) else None


def _groq(answer: Fields) -> _Counts | None:
    """Groq's streams of older models; folding puts it where it belongs, a part of a stream has it here."""
    usage = _object(_object(answer, "x_groq"), "usage")
    return _chat(usage) if usage else None


def _gemini(answer: Fields) -> _Counts | None:
    """Gemini and Vertex: thoughts, and what server tools put into the prompt, are counted apart, and in the total."""
    usage = _object(answer, "usageMetadata") or _object(answer, "usage_metadata")
    if not usage:
        return None
    reasoning = _either(usage, "thoughtsTokenCount", "thoughts_token_count")
    prompt = _either(usage, "promptTokenCount", "prompt_token_count")
    tools = _either(usage, "toolUsePromptTokenCount", "tool_use_prompt_token_count")
    completion = _sum(_either(usage, "candidatesTokenCount", "candidates_token_count"), reasoning)
    total = _either(usage, "totalTokenCount", "total_token_count")
    if completion is None and prompt is not None and total == _sum(prompt, tools):
        completion = 0  # the prompt was blocked
    return _Counts(
        prompt=None if prompt is None else _sum(prompt, tools),
        completion=completion,
        total=total,
        cached=_either(usage, "cachedContentTokenCount", "cached_content_token_count"),
        reasoning=reasoning,
    )


def _ollama(answer: Fields) -> _Counts | None:
    """Ollama's own API, chat, generate and embed: the counts stand between the other fields."""
    return _Counts(_count(answer, "prompt_eval_count"), _count(answer, "eval_count"))


def _vertex_embeddings(answer: Fields) -> _Counts | None:
    """Vertex's `:predict` of text embeddings: one number for each text."""
    found = [
        _count(_object(_object(prediction, "embeddings"), "statistics"), "token_count")
        for prediction in _objects(answer.get("predictions"))
    ]
    return _Counts(_sum(*found), None)


def _bedrock_metrics(answer: Fields) -> _Counts | None:
    """What Bedrock's InvokeModel puts behind the stream of any model."""
    metrics = _object(answer, "amazon-bedrock-invocationMetrics")
    read, written = _count(metrics, "cacheReadInputTokenCount"), _count(metrics, "cacheWriteInputTokenCount")
    prompt = _count(metrics, "inputTokenCount")
    total = None if prompt is None else _sum(prompt, read, written)
    return _Counts(total, _count(metrics, "outputTokenCount"), cached=read, creation=written)


_SHAPES: tuple[Callable[[Fields], _Counts | None], ...] = (
    _in_usage,
    _gemini,
    _ollama,
    _cohere_meta,
    _groq,
    _bedrock_metrics,
    _vertex_embeddings,
)
# The members of an answer that any of them looks at.
MEMBERS = (
    "usage",
    "usageMetadata",
    "usage_metadata",
    "prompt_eval_count",
    "eval_count",
    "meta",
    "x_groq",
    "amazon-bedrock-invocationMetrics",
    "predictions",
    "result",
    "success",
)


# ------------------------------------------------------------------ numbers


def _count(fields: Fields, name: str) -> int | None:
    """A number of tokens: zero or more, fractions cut off (Cohere sends floats); None for anything else.

    Some servers say -1 for what they do not know.
    """
    value: Any = fields.get(name)
    if type(value) not in (int, float) or not 0 <= value <= _MOST:
        return None
    return min(int(value), _MOST)


def _any(*places: tuple[Fields, str]) -> int | None:
    """The first number that is there."""
    for fields, name in places:
        if name in fields and (found := _count(fields, name)) is not None:
            return found
    return None


def _either(fields: Fields, *names: str) -> int | None:
    return _any(*((fields, name) for name in names))


def _sum(*values: int | None) -> int | None:
    """The sum of what is known; None if nothing is."""
    known = [value for value in values if value is not None]
    return min(sum(known), _MOST) if known else None


def _object(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> Iterable[Fields]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else ()
