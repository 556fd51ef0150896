"""Token usage from several events of one stream."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import llm
from gecholog.llm.usage_fields import has_counts, is_counted, merge_usage
from tests.gecholog.llm.samples import ANTHROPIC, CALM, NDJSON, SSE, chunk, gemini, ndjson, sse, sse_named

NAMES = st.sampled_from(["input_tokens", "output_tokens", "details", "prompt_tokens", "tier", "modality"])
COUNTS = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.floats(0, 9) | st.sampled_from(["", "TEXT", "IMAGE"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
USAGES = st.dictionaries(NAMES, COUNTS, max_size=5)


def merged(*usages):
    target = {}
    for usage in usages:
        merge_usage(target, copy.deepcopy(usage))
    return target


def counted(usage, path=()):
    """The paths of objects to all counts above zero."""
    for name, value in usage.items():
        if isinstance(value, dict):
            yield from counted(value, (*path, name))
        elif isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            yield (*path, name)


@CALM
@given(st.lists(USAGES, max_size=4), st.dictionaries(NAMES, st.integers(0, 9) | st.none() | USAGES, max_size=4))
def test_no_count_is_lost(earlier, later):
    """What was counted stays counted, whatever comes: merging only ever adds counts or replaces them by counts."""
    before = merged(*earlier)
    lost = {path[0] for path in counted(before)} - {name for name, _ in merged(*earlier, later).items()}
    assert not lost
    assert not has_counts(before) or has_counts(merged(*earlier, later))


@CALM
@given(USAGES)
def test_the_same_again(usage):
    """Counts that are repeated stay as they are, and nothing that is empty changes them."""
    once = merged(usage)
    assert merged(usage, usage) == once
    zeros = dict.fromkeys(usage, 0)
    assert merged(usage, zeros, {}, dict.fromkeys(usage)) == merged(usage, zeros, dict.fromkeys(usage))
    for name, value in once.items():
        if has_counts(value):
            assert merged(usage, zeros)[name] == value


@CALM
@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 3) | st.none()), min_size=1))
def test_last_count_above_zero(usages):
    """Of each field the last count above zero is the one that is kept."""
    result = merged(*usages)
    for name in {name for usage in usages for name in usage}:
        above = [usage[name] for usage in usages if usage.get(name)]
        assert (result[name] or 0) == (above[-1] if above else 0)


def test_details():
    """Details are merged as well: objects at any depth, and lists by what names their items."""
    first = {"details": {"cached": 3, "audio": 0}, "by": [{"modality": "TEXT", "tokenCount": 8}]}
    later = {"details": {"cached": 0, "audio": 2}, "by": [{"modality": "IMAGE", "tokenCount": 258}]}
    assert merged(first, later) == {
        "details": {"cached": 3, "audio": 2},
        "by": [{"modality": "TEXT", "tokenCount": 8}, {"modality": "IMAGE", "tokenCount": 258}],
    }
    assert merged(first, {"by": [{"modality": "TEXT", "tokenCount": 0}]})["by"] == first["by"]


def test_lists_without_labels():
    """A list whose items nothing tells apart is replaced by a later one that is not empty."""
    first = {"iterations": [{"type": "message", "n": 1}, {"type": "message", "n": 2}]}
    assert merged(first, {"iterations": [{"type": "message", "n": 3}]}) == {"iterations": [{"type": "message", "n": 3}]}
    assert merged(first, {"iterations": []}) == first


def test_anthropic_zeros_at_the_end():
    """The input was told at the start; zeros of `message_delta` do not take it back."""
    start = {"input_tokens": 1200, "cache_read_input_tokens": 300, "output_tokens": 1}
    end = {"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 20}
    body = sse_named(
        {"type": "message_start", "message": {"id": "m", "usage": start}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": end},
        {"type": "message_stop"},
    )
    usage = llm.fold(body, SSE, completed=True)["usage"]
    assert usage == {"input_tokens": 1200, "cache_read_input_tokens": 300, "output_tokens": 20}
    assert llm.fold(sse_named(*ANTHROPIC), SSE, completed=True)["usage"]["output_tokens"] > 0


def test_usage_of_two_chunks():
    """Input in one chunk, output in another."""
    body = sse(chunk({"content": "a"}, usage={"prompt_tokens": 40}), chunk({}, usage={"completion_tokens": 9}))
    assert llm.fold(body, SSE, completed=True)["usage"] == {"prompt_tokens": 40, "completion_tokens": 9}


@pytest.mark.parametrize("zeros", [{"prompt_tokens": 0, "completion_tokens": 0}, {}, None])
def test_openai_zeros(zeros):
    """Counts that are followed by zeros, nothing or null stay; so does what stands elsewhere."""
    counts = {"prompt_tokens": 40, "completion_tokens": 9}
    body = sse(chunk({"content": "a"}, usage=counts), chunk(None, usage=zeros), done=True)
    assert llm.fold(body, SSE, completed=True)["usage"] == counts
    groq = sse(chunk({"content": "a"}, usage=zeros), chunk({}, x_groq={"usage": counts}), chunk({}, x_groq={"id": "r"}))
    assert llm.fold(groq, SSE, completed=True)["usage"] == counts


def test_gemini_traffic_type_alone():
    """The last chunk may have `usageMetadata` without counts."""
    counts = {"promptTokenCount": 1000, "candidatesTokenCount": 10, "totalTokenCount": 1510}
    chunks = [gemini(usageMetadata=counts), {"candidates": [], "usageMetadata": {"trafficType": "ON_DEMAND"}}]
    expected = {**counts, "trafficType": "ON_DEMAND"}
    assert llm.fold(sse(*chunks), SSE, completed=True)["usageMetadata"] == expected


def test_ollama_zeros():
    """Ollama's counts stand between the other fields."""
    body = ndjson(
        {"message": {"content": "a"}, "done": False, "prompt_eval_count": 26, "eval_count": 1},
        {"message": {"content": "b"}, "done": True, "prompt_eval_count": 0, "eval_count": 2},
    )
    folded = llm.fold(body, NDJSON, completed=True)
    assert (folded["prompt_eval_count"], folded["eval_count"], folded["done"]) == (26, 2, True)


def test_responses_zeros():
    """The state of a response with zeros does not replace one with counts."""
    counted_, zeros = {"input_tokens": 70, "total_tokens": 100}, {"input_tokens": 0, "total_tokens": 0}
    body = sse_named(
        {"type": "response.in_progress", "response": {"id": "r", "usage": counted_}},
        {"type": "response.completed", "response": {"id": "r", "usage": zeros}},
    )
    assert llm.fold(body, SSE, completed=True)["usage"] == counted_


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"usage": {"input_tokens": 1}}, True),
        ({"usageMetadata": {"a": [{"tokenCount": 1}]}}, True),
        ({"eval_count": 3}, True),
        ({"usage": {"input_tokens": 0, "cached": True}}, False),
        ({"usage": None}, False),
        ({}, False),
    ],
)
def test_is_counted(answer, expected):
    """An answer is counted if a count above zero is where its API has them."""
    assert is_counted(answer) is expected
