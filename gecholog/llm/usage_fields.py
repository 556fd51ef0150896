"""Merges the token usage of several events of a stream, field by field.

Anthropic tells the input at the start and the output at the end, often with zeros for the rest; vLLM repeats growing
counts; Gemini's last chunk may hold `trafficType` alone. So a null, an empty value and a zero never replace a count,
and a field that an event leaves out stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Where APIs keep counts: OpenAI, Anthropic, Cohere; Gemini; Groq; llama.cpp; Bedrock's metrics in Anthropic's events.
USAGE_FIELDS = frozenset(
    {"usage", "usageMetadata", "usage_metadata", "x_groq", "timings", "amazon-bedrock-invocationMetrics"},
)


def merge_usage(target: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Merge the counts of a later event, `more`, into those of the earlier ones, in place.

    A later count above zero replaces an earlier one, also if it is smaller. Objects are merged at every depth, and so
    are lists of objects that differ in their texts, such as Gemini's `promptTokensDetails` by modality.
    """
    for name, value in more.items():
        target[name] = _merged(target.get(name), value)


def has_counts(usage: Any) -> bool:
    """Tell whether `usage` contains a count above zero."""
    if isinstance(usage, dict):
        return any(map(has_counts, usage.values()))
    if isinstance(usage, list):
        return any(map(has_counts, usage))
    return isinstance(usage, int | float) and not isinstance(usage, bool) and usage > 0


def is_counted(answer: Mapping[str, Any]) -> bool:
    """Tell whether a folded response has token usage. Ollama's counts are top-level fields."""
    return any(has_counts(answer.get(name)) for name in (*USAGE_FIELDS, "eval_count", "prompt_eval_count"))


def _merged(old: Any, value: Any) -> Any:
    match old, value:
        case dict(), dict():
            merge_usage(old, value)
            return old
        case list(), list():
            return _merged_lists(old, value)
        case (None, dict()):
            return dict(value)  # it may be merged into later; the event's own stays as it came
        case _ if old is None or isinstance(value, bool):
            return value
    return value or old


def _merged_lists(old: list[Any], value: list[Any]) -> list[Any]:
    """The items of both lists if their labels tell them apart, else the later list, unless it is empty."""
    before, after = _by_label(old), _by_label(value)
    if before is None or after is None:
        return value or old
    for label, item in after.items():
        before[label] = _merged(before.get(label), item)
    return list(before.values())


def _by_label(items: list[Any]) -> dict[Any, dict[str, Any]] | None:
    """The objects of a list by their texts; None if one is no object or two have the same."""
    labelled = {}
    for item in items:
        if not isinstance(item, dict):
            return None
        labelled[frozenset((name, text) for name, text in item.items() if isinstance(text, str))] = item
    return labelled if len(labelled) == len(items) else None
