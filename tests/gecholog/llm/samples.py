"""Streams as the APIs send them, and the answers that they amount to."""

import json
from typing import Any

from hypothesis import HealthCheck, settings

# Properties are about values: how long an example takes says something about the machine only.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SSE = "text/event-stream; charset=utf-8"
NDJSON = "application/x-ndjson"


def sse(*values: Any, done: bool = False) -> bytes:
    """An SSE body of data-only events."""
    events = [f"data: {json.dumps(value, ensure_ascii=False)}\n\n" for value in values]
    return "".join([*events, "data: [DONE]\n\n" if done else ""]).encode()


def sse_named(*values: dict[str, Any]) -> bytes:
    """An SSE body whose events are named by their type."""
    return "".join([f"event: {value['type']}\ndata: {json.dumps(value)}\n\n" for value in values]).encode()


def ndjson(*values: Any) -> bytes:
    return "".join([json.dumps(value) + "\n" for value in values]).encode()


def chunk(delta: dict[str, Any] | None, *, index: int = 0, finish_reason: str | None = None, **more: Any) -> Any:
    """A chunk of an OpenAI chat stream; without delta, one without choices."""
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1757499916,
        "model": "gpt-5-mini",
        "service_tier": "default",
        "system_fingerprint": "fp_1",
        "choices": [] if delta is None else [choice],
        **more,
    }


USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}

CHAT = (
    chunk({"role": "assistant", "content": "", "refusal": None}, usage=None, obfuscation="x7Y"),
    chunk({"content": "Grüß"}, usage=None, obfuscation="p"),
    chunk({"content": " dich, 世界 🌍"}, usage=None, obfuscation=""),
    chunk({}, finish_reason="stop", usage=None, obfuscation="abc"),
    chunk(None, usage=USAGE),
)
CHAT_FOLDED = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1757499916,
    "model": "gpt-5-mini",
    "service_tier": "default",
    "system_fingerprint": "fp_1",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Grüß dich, 世界 🌍", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        },
    ],
    "usage": USAGE,
}

TOOLS = (
    chunk({"role": "assistant", "content": None}),
    chunk(
        {
            "tool_calls": [
                {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}},
            ],
        },
    ),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]}),
    chunk(
        {
            "tool_calls": [
                {"index": 1, "id": "call_2", "type": "function", "function": {"name": "time", "arguments": ""}},
                {"index": 0, "function": {"arguments": '"Oslo"}'}},
            ],
        },
    ),
    chunk({"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]}),
    chunk({}, finish_reason="tool_calls"),
)

COMPLETIONS = tuple(
    {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "gpt-3.5-turbo-instruct",
        "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": reason}],
    }
    for text, reason in (("Once", None), (" upon", None), (" a time", "length"))
)

_MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 25, "cache_read_input_tokens": 7, "output_tokens": 1},
}


def _delta(index: int, kind: str, **piece: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **piece}}


_CITATION = {
    "type": "char_location",
    "cited_text": "warm",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 6,
    "end_char_index": 10,
    "file_id": None,
}
ANTHROPIC = (
    {"type": "message_start", "message": _MESSAGE},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "ping"},
    _delta(0, "thinking_delta", thinking="Let me"),
    _delta(0, "thinking_delta", thinking=" see."),
    _delta(0, "signature_delta", signature="EqQB=="),
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    _delta(1, "text_delta", text="It is"),
    _delta(1, "text_delta", text=" warm."),
    _delta(1, "citations_delta", citation=_CITATION),
    {"type": "content_block_stop", "index": 1},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},
    },
    _delta(2, "input_json_delta", partial_json=""),
    _delta(2, "input_json_delta", partial_json='{"city": "Os'),
    _delta(2, "input_json_delta", partial_json='lo"}'),
    {"type": "content_block_stop", "index": 2},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 42},
    },
    {"type": "message_stop"},
)
ANTHROPIC_FOLDED = {
    **_MESSAGE,
    "content": [
        {"type": "thinking", "thinking": "Let me see.", "signature": "EqQB=="},
        {
            "type": "text",
            "text": "It is warm.",
            "citations": [_CITATION],
        },
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
    ],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 25, "cache_read_input_tokens": 7, "output_tokens": 42},
}


def part(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, **more}


def candidate(*parts: dict[str, Any], index: int = 0, **more: Any) -> dict[str, Any]:
    return {"content": {"parts": list(parts), "role": "model"}, "index": index, **more}


def gemini(*candidates: dict[str, Any], total: int = 5, **more: Any) -> dict[str, Any]:
    counts = {"promptTokenCount": 4, "totalTokenCount": total}
    return {"candidates": list(candidates), "usageMetadata": counts, "modelVersion": "gemini-3-flash", **more}


GEMINI = (
    gemini(candidate(part("Hmm", thought=True)), total=5),
    gemini(candidate(part(", so", thought=True)), total=6),
    gemini(candidate(part("Hello")), total=7),
    gemini(candidate(part(" there")), total=8),
    gemini(candidate({"functionCall": {"name": "weather", "args": {"city": "Oslo"}}}), total=9),
    gemini(candidate(part("", thoughtSignature="EjQK"), finishReason="STOP"), total=10, responseId="r1"),
)
GEMINI_FOLDED = {
    "candidates": [
        {
            "content": {
                "parts": [
                    {"text": "Hmm, so", "thought": True},
                    {"text": "Hello there"},
                    {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}},
                    {"text": "", "thoughtSignature": "EjQK"},
                ],
                "role": "model",
            },
            "index": 0,
            "finishReason": "STOP",
        },
    ],
    "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 10},
    "modelVersion": "gemini-3-flash",
    "responseId": "r1",
}

OLLAMA_CHAT = (
    {"model": "llama3.2", "created_at": "t1", "message": {"role": "assistant", "content": "The"}, "done": False},
    {"model": "llama3.2", "created_at": "t2", "message": {"role": "assistant", "content": " sky"}, "done": False},
    {
        "model": "llama3.2",
        "created_at": "t3",
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 26,
        "eval_count": 2,
    },
)

_RESPONSE = {"id": "resp_1", "object": "response", "model": "gpt-5", "error": None, "usage": None}
_ITEM = {"id": "msg_1", "type": "message", "role": "assistant"}
_TEXT = {"type": "output_text", "text": "Hi there", "annotations": []}
_COUNTS = {
    "input_tokens": 3,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 5,
}


def _at(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{name}", "output_index": 0, "item_id": "msg_1", **fields}


RESPONSES = (
    {"type": "response.created", "response": {**_RESPONSE, "status": "in_progress", "output": []}},
    {"type": "response.in_progress", "response": {**_RESPONSE, "status": "in_progress", "output": []}},
    _at("output_item.added", item={**_ITEM, "status": "in_progress", "content": []}),
    _at("content_part.added", content_index=0, part={**_TEXT, "text": ""}),
    _at("output_text.delta", content_index=0, delta="Hi", logprobs=[]),
    _at("output_text.delta", content_index=0, delta=" there", logprobs=[]),
    _at("output_text.done", content_index=0, text="Hi there"),
    _at("content_part.done", content_index=0, part=_TEXT),
    _at("output_item.done", item={**_ITEM, "status": "completed", "content": [_TEXT]}),
    {
        "type": "response.completed",
        "response": {
            **_RESPONSE,
            "status": "completed",
            "output": [{**_ITEM, "status": "completed", "content": [_TEXT]}],
            "usage": _COUNTS,
        },
    },
)

COHERE = (
    {
        "type": "message-start",
        "id": "co_1",
        "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}},
    },
    {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I look"}}},
    {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": " it up."}}},
    {
        "type": "tool-call-start",
        "index": 0,
        "delta": {
            "message": {"tool_calls": {"id": "t1", "type": "function", "function": {"name": "f", "arguments": ""}}}
        },
    },
    {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": {"function": {"arguments": '{"a"'}}}}},
    {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": {"function": {"arguments": ":1}"}}}}},
    {"type": "tool-call-end", "index": 0},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi"}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": " there"}}}},
    {"type": "content-end", "index": 0},
    {
        "type": "message-end",
        "delta": {
            "finish_reason": "COMPLETE",
            "usage": {"billed_units": {"input_tokens": 5}, "tokens": {"input_tokens": 71, "output_tokens": 2}},
        },
    },
)
IMAGES = (
    {"type": "image_generation.partial_image", "b64_json": "AAAA", "partial_image_index": 0, "size": "1024x1024"},
    {
        "type": "image_generation.completed",
        "b64_json": "BBBB",
        "created_at": 1,
        "size": "1024x1024",
        "usage": {"total_tokens": 1100, "input_tokens": 44, "output_tokens": 1056},
    },
)
TRANSCRIPT = (
    {"type": "transcript.text.delta", "delta": "Hel"},
    {"type": "transcript.text.delta", "delta": "lo"},
    {
        "type": "transcript.text.done",
        "text": "Hello",
        "usage": {"type": "tokens", "input_tokens": 14, "total_tokens": 59},
    },
)
SPEECH = (
    {"type": "speech.audio.delta", "audio": "AAAA"},
    {"type": "speech.audio.delta", "audio": "BBBB"},
    {"type": "speech.audio.done", "usage": {"input_tokens": 3, "output_tokens": 9, "total_tokens": 12}},
)
WORKERS_AI = (
    {"response": "Hel", "p": "abc"},
    {"response": "lo", "p": "ab"},
    {"response": "", "usage": {"prompt_tokens": 6, "completion_tokens": 2, "total_tokens": 8}},
)

STREAMS = {
    "chat": (sse(*CHAT, done=True), SSE),
    "tools": (sse(*TOOLS, done=True), SSE),
    "completions": (sse(*COMPLETIONS, done=True), SSE),
    "anthropic": (sse_named(*ANTHROPIC), SSE),
    "gemini": (sse(*GEMINI), SSE),
    "gemini array": (json.dumps(GEMINI, indent=2).encode(), "application/json"),
    "ollama": (ndjson(*OLLAMA_CHAT), NDJSON),
    "responses": (sse_named(*RESPONSES), SSE),
    "cohere": (sse_named(*COHERE), SSE),
    "images": (sse_named(*IMAGES), SSE),
    "transcript": (sse(*TRANSCRIPT), SSE),
    "speech": (sse(*SPEECH), SSE),
    "workers ai": (sse(*WORKERS_AI, done=True), SSE),
}
