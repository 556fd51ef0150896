"""The usage of a stream is that of the same answer in one piece, in every dialect."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gecholog import llm
from gecholog.llm.chat import ChatRequest
from gecholog.llm.chat_dialect import ReplyContext
from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.whole_as_deltas import deltas_of
from tests.gecholog.llm import aws
from tests.gecholog.llm.dialects import neutral
from tests.gecholog.llm.samples import CALM, NDJSON, SSE, chunk, ndjson, sse, sse_named

COUNTS = st.lists(st.integers(0, 10**7), min_size=6, max_size=6)
WRITERS = {name: dialect for name, dialect in CHAT_DIALECTS.items() if dialect.stream_writer is not None}


def same(stream, kind, whole):
    """Whether a stream has the usage of an answer, with all that its cost depends on."""
    folded = llm.fold(stream, kind, completed=True)
    assert folded is not None
    found, wanted = llm.usage_of(folded), llm.usage_in(json.dumps(whole).encode())
    assert found == wanted
    assert (found and found.details) == (wanted and wanted.details)


@pytest.mark.parametrize("dialect", WRITERS.values(), ids=WRITERS)
@CALM
@given(neutral.RESPONSES)
def test_dialects_of_clients(dialect, response):
    """Of the answers that gl itself writes."""

    def context(*, is_streamed):
        return ReplyContext(ChatRequest("any", (), is_streamed=is_streamed, wants_usage=True), "1f", 17, "any")

    writer = dialect.stream_writer(context(is_streamed=True))
    stream = b"".join([*map(writer.write, deltas_of(response)), writer.end()])
    same(stream, SSE, dialect.write_response(response, context(is_streamed=False)))


def openai(counts):
    prompt, completion, cached, written, reasoning, sound = counts
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written, "audio_tokens": sound},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": sound},
    }
    stream = sse(
        chunk({"content": "Hi"}, usage=None), chunk({}, finish_reason="stop"), chunk(None, usage=usage), done=True
    )
    return {"choices": [{"message": {"content": "Hi"}}], "usage": usage}, stream, SSE


def responses(counts):
    prompt, completion, cached, written, reasoning, images = counts
    usage = {
        "input_tokens": prompt,
        "output_tokens": completion,
        "total_tokens": prompt + completion,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written, "image_tokens": images},
        "output_tokens_details": {"reasoning_tokens": reasoning},
    }
    whole = {"id": "r", "object": "response", "status": "completed", "output": [], "usage": usage}
    begun = whole | {"status": "in_progress", "usage": None}
    events = [{"type": "response.created", "response": begun}, {"type": "response.completed", "response": whole}]
    return whole, sse_named(*events), SSE


def anthropic(counts):
    prompt, completion, read, minutes, hour, thinking = counts
    cache = {"ephemeral_5m_input_tokens": minutes, "ephemeral_1h_input_tokens": hour}
    asked = {
        "input_tokens": prompt,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": minutes + hour,
        "cache_creation": cache,
    }
    answered = {"output_tokens": completion, "output_tokens_details": {"thinking_tokens": thinking}}
    message = {"id": "m", "type": "message", "role": "assistant", "content": [], "usage": asked | answered}
    events = [
        {"type": "message_start", "message": message | {"usage": asked | {"output_tokens": min(1, completion)}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"input_tokens": 0, "cache_read_input_tokens": 0} | answered,
        },
        {"type": "message_stop"},
    ]
    return message, sse_named(*events), SSE


def gemini(counts):
    text, completion, cached, sound, thoughts, images = counts
    prompt = text + sound + images
    listed = [("TEXT", text), ("AUDIO", sound), ("IMAGE", images)]
    usage = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": completion,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": prompt + completion + thoughts,
        "cachedContentTokenCount": cached,
        "promptTokensDetails": [{"modality": kind, "tokenCount": tokens} for kind, tokens in listed],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": completion}],
    }
    parts = {"content": {"parts": [{"text": "Hi"}], "role": "model"}, "index": 0}
    first = {"candidates": [parts], "usageMetadata": {"promptTokenCount": prompt, "totalTokenCount": prompt}}
    last = {"candidates": [parts | {"finishReason": "STOP"}], "usageMetadata": usage}
    return last, sse(first, last), SSE


def ollama(counts):
    prompt, completion, *_ = counts
    told = {"done": True, "done_reason": "stop", "prompt_eval_count": prompt, "eval_count": completion}
    first = {"model": "m", "message": {"role": "assistant", "content": "Hi"}, "done": False}
    last = {"model": "m", "message": {"role": "assistant", "content": ""}} | told
    return first | told, ndjson(first, last), NDJSON


def cohere(counts):
    prompt, completion, cached, *_ = counts
    usage = {
        "billed_units": {"input_tokens": prompt, "output_tokens": completion},
        "tokens": {"input_tokens": prompt, "output_tokens": completion},
        "cached_tokens": cached,
    }
    events = [
        {"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant", "content": []}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi"}}}},
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}},
    ]
    message = {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
    return {"id": "c", "message": message, "finish_reason": "COMPLETE", "usage": usage}, sse_named(*events), SSE


def bedrock(counts):
    prompt, completion, read, minutes, hour, _ = counts
    usage = {
        "inputTokens": prompt,
        "outputTokens": completion,
        "totalTokens": prompt + completion + read + minutes + hour,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": minutes + hour,
        "cacheDetails": [{"ttl": "5m", "inputTokens": minutes}, {"ttl": "1h", "inputTokens": hour}],
    }
    events = [event for event in aws.CONVERSE if event[0] != "metadata"] + [("metadata", {"usage": usage})]
    whole = {"output": {"message": {"role": "assistant", "content": []}}, "stopReason": "end_turn", "usage": usage}
    return whole, b"".join(aws.message(*event) for event in events), aws.AWS


APIS = (openai, responses, anthropic, gemini, ollama, cohere, bedrock)


@pytest.mark.parametrize("api", APIS, ids=[api.__name__ for api in APIS])
@CALM
@given(COUNTS)
def test_apis(api, counts):
    """Of the answers that providers send, whatever they report."""
    whole, stream, kind = api(counts)
    same(stream, kind, whole)


@pytest.mark.parametrize("api", APIS, ids=[api.__name__ for api in APIS])
@CALM
@given(COUNTS)
def test_parts_add_up(api, counts):
    """The total is that of prompt and completion, and parts are not larger than their whole."""
    whole, _, _ = api(counts)
    usage = llm.usage_of(whole)
    assert usage.total_tokens == (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
    if usage.details.cache_creation_1h is not None:
        assert usage.details.cache_creation_1h <= usage.cache_creation_tokens <= usage.prompt_tokens
