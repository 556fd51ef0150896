"""Where APIs put the token usage of a response, and what their numbers mean: one function for each shape.

Each takes a response (decoded JSON) and returns its counts, or None if it has another shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

MOST = 2**63 - 1  # the maximum for systems that read records

Fields = Mapping[str, Any]


class TokenDetails(NamedTuple):
    """Parts of the prompt and of the completion that may have prices of their own. None: the API does not tell.

    `audio_…` are tokens of sound, `image_…` of images and `video_…` of video. `cache_creation_1h` are those of the
    tokens written to a cache that stay there for an hour.
    """

    audio_input: int | None = None
    audio_output: int | None = None
    image_input: int | None = None
    image_output: int | None = None
    video_input: int | None = None
    video_output: int | None = None
    cache_creation_1h: int | None = None


NO_DETAILS = TokenDetails()


class Counts(NamedTuple):
    """The counts of an API. Its total may include `prompt_parts` in addition to prompt and completion."""

    prompt: int | None
    completion: int | None
    total: int | None = None
    cached: int | None = None
    creation: int | None = None
    reasoning: int | None = None
    prompt_parts: tuple[int | None, ...] = ()
    details: TokenDetails = NO_DETAILS


_USUAL = frozenset(
    {"prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details"}
)
"""The members of a usage of most chat completions: then those of a few APIs need not be looked for one by one."""


def _in_usage(answer: Fields) -> Counts | None:
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


def _chat(usage: Fields) -> Counts:
    """OpenAI's chat completions, completions and embeddings, and compatible APIs."""
    details, completion = _object(usage, "prompt_tokens_details"), _object(usage, "completion_tokens_details")
    cached = _first(details, "cached_tokens") if details else None
    creation = _first(details, "cache_write_tokens") if details else None
    reasoning = _first(completion, "reasoning_tokens") if completion else None
    if not usage.keys() <= _USUAL:
        if cached is None:
            cached = _first(
                usage,
                "prompt_cache_hit_tokens",  # DeepSeek
                "cached_tokens",  # Moonshot
                "num_cached_tokens",
                "cache_read_input_tokens",  # Venice
            )
        creation = _first(usage, "cache_creation_input_tokens") if creation is None else creation
        reasoning = _first(usage, "reasoning_tokens") if reasoning is None else reasoning
    return Counts(
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
        _count(usage, "total_tokens"),
        cached,
        creation,
        reasoning,
        (_count(details, "audio_tokens"), _sum(cached, creation)) if details else (),
        _by_kind(details, completion, usage) if details or completion or "cache_creation" in usage else NO_DETAILS,
    )


def _input_output(usage: Fields) -> Counts:
    """OpenAI's responses, images, transcripts and speech; Anthropic, whose input does not include cached input."""
    details, output = _object(usage, "input_tokens_details"), _object(usage, "output_tokens_details")
    read, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    prompt = _count(usage, "input_tokens")
    if not details and prompt is not None:
        prompt = _sum(prompt, read, written)
    return Counts(
        prompt=prompt,
        completion=_count(usage, "output_tokens"),
        total=_count(usage, "total_tokens"),
        cached=_either(_first(details, "cached_tokens"), read),
        creation=_either(_first(details, "cache_write_tokens"), written),
        reasoning=_first(output, "reasoning_tokens", "thinking_tokens"),
        details=_by_kind(details, output, usage) if details or output or "cache_creation" in usage else NO_DETAILS,
    )


def _by_kind(prompt: Fields, completion: Fields, usage: Fields) -> TokenDetails:
    """Tokens of sound and images in the details of a prompt and a completion; Anthropic's cache creation by duration.

    https://platform.claude.com/docs/en/build-with-claude/prompt-caching#1-hour-cache-duration
    """
    return TokenDetails(
        _count(prompt, "audio_tokens"),
        _count(completion, "audio_tokens"),
        _count(prompt, "image_tokens"),
        _count(completion, "image_tokens"),
        cache_creation_1h=_count(_object(usage, "cache_creation"), "ephemeral_1h_input_tokens"),
    )


def _converse(usage: Fields) -> Counts:
    """Bedrock Converse: cached input is a separate count, included in the total.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CacheDetail.html
    """
    read, written = _count(usage, "cacheReadInputTokens"), _count(usage, "cacheWriteInputTokens")
    prompt = _count(usage, "inputTokens")
    for_1h = [_count(one, "inputTokens") for one in _objects(usage.get("cacheDetails")) if one.get("ttl") == "1h"]
    return Counts(
        prompt=None if prompt is None else _sum(prompt, read, written),
        completion=_count(usage, "outputTokens"),
        total=_count(usage, "totalTokens"),
        cached=read,
        creation=written,
        details=TokenDetails(cache_creation_1h=_sum(*for_1h)) if for_1h else NO_DETAILS,
    )


def _cohere(usage: Fields) -> Counts:
    """Cohere: `tokens` are what the model processed, `billed_units` exclude the chat template."""
    tokens = _object(usage, "tokens") or _object(usage, "billed_units")
    return Counts(
        prompt=_count(tokens, "input_tokens"),
        completion=_count(tokens, "output_tokens"),
        cached=_count(usage, "cached_tokens"),
    )


def _cohere_meta(answer: Fields) -> Counts | None:
    """Cohere's version 1, and its embeddings."""
    meta = answer.get("meta")
    return _cohere(meta) if isinstance(meta, dict) else None


def _groq(answer: Fields) -> Counts | None:
    """Groq's streams of older models; folding puts it where it belongs, a part of a stream has it here."""
    usage = _object(_object(answer, "x_groq"), "usage")
    return _chat(usage) if usage else None


def _gemini(answer: Fields) -> Counts | None:
    """Gemini and Vertex: thoughts, and prompt tokens of server tools, are separate counts, included in the total."""
    usage = _object(answer, "usageMetadata") or _object(answer, "usage_metadata")
    if not usage:
        return None
    reasoning = _first(usage, "thoughtsTokenCount", "thoughts_token_count")
    prompt = _first(usage, "promptTokenCount", "prompt_token_count")
    tools = _first(usage, "toolUsePromptTokenCount", "tool_use_prompt_token_count")
    completion = _sum(_first(usage, "candidatesTokenCount", "candidates_token_count"), reasoning)
    total = _first(usage, "totalTokenCount", "total_token_count")
    if completion is None and prompt is not None and total == _sum(prompt, tools):
        completion = 0  # the prompt was blocked
    return Counts(
        prompt=None if prompt is None else _sum(prompt, tools),
        completion=completion,
        total=total,
        cached=_first(usage, "cachedContentTokenCount", "cached_content_token_count"),
        reasoning=reasoning,
        details=_by_modality(usage),
    )


def _by_modality(usage: Fields) -> TokenDetails:
    """Tokens of sound and images in Gemini's lists (https://ai.google.dev/api/generate-content#ModalityTokenCount)."""
    prompt = _objects(usage.get("promptTokensDetails"))
    completion = _objects(usage.get("candidatesTokensDetails"))
    return TokenDetails(
        _of_modality(prompt, "AUDIO"),
        _of_modality(completion, "AUDIO"),
        _of_modality(prompt, "IMAGE"),
        _of_modality(completion, "IMAGE"),
        _of_modality(prompt, "VIDEO"),
        _of_modality(completion, "VIDEO"),
    )


def _of_modality(listed: Iterable[Fields], modality: str) -> int | None:
    """The tokens of one modality; 0 if only others are listed, None if nothing is."""
    counts = [(_count(one, "tokenCount") or 0) * (one.get("modality") == modality) for one in listed]
    return _sum(*counts)


def _ollama(answer: Fields) -> Counts | None:
    """Ollama's own API, chat, generate and embed: the counts are top-level fields."""
    return Counts(_count(answer, "prompt_eval_count"), _count(answer, "eval_count"))


def _vertex_embeddings(answer: Fields) -> Counts | None:
    """Vertex's `:predict` of text embeddings: one number for each text."""
    found = [
        _count(_object(_object(prediction, "embeddings"), "statistics"), "token_count")
        for prediction in _objects(answer.get("predictions"))
    ]
    return Counts(_sum(*found), None)


def _bedrock_metrics(answer: Fields) -> Counts | None:
    """The metrics that Bedrock's InvokeModel appends to the stream of any model."""
    metrics = _object(answer, "amazon-bedrock-invocationMetrics")
    read, written = _count(metrics, "cacheReadInputTokenCount"), _count(metrics, "cacheWriteInputTokenCount")
    prompt = _count(metrics, "inputTokenCount")
    total = None if prompt is None else _sum(prompt, read, written)
    return Counts(total, _count(metrics, "outputTokenCount"), cached=read, creation=written)


SHAPES: tuple[Callable[[Fields], Counts | None], ...] = (
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


def _count(fields: Fields, name: str) -> int | None:
    """A number of tokens: zero or more, truncated (Cohere sends floats); None for anything else.

    Some servers send -1 for an unknown count.
    """
    value: Any = fields.get(name)
    if type(value) is int:
        return value if 0 <= value <= MOST else None
    return min(int(value), MOST) if type(value) is float and 0 <= value <= MOST else None


def _first(fields: Fields, *names: str) -> int | None:
    """The first number that exists under one of these names."""
    for name in names:
        if name in fields and (found := _count(fields, name)) is not None:
            return found
    return None


def _either(one: int | None, other: int | None) -> int | None:
    return other if one is None else one


def _sum(*values: int | None) -> int | None:
    """The sum of the known values; None if all are unknown."""
    known = [value for value in values if value is not None]
    return min(sum(known), MOST) if known else None


def _object(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> Iterable[Fields]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else ()
