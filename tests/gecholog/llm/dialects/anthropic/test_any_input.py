"""Wrong requests, answers and streams raise nothing but the errors that say so."""

from contextlib import suppress
from typing import Any

from gecholog.llm import json_text
from gecholog.llm.chat import ChatRequest
from gecholog.llm.chat_dialect import ReplyContext, Target
from gecholog.llm.deltas import Failed, Finished
from gecholog.llm.dialects.anthropic.dialect import CHAT
from gecholog.llm.dialects.anthropic.stream_reader import MessagesStreamReader
from gecholog.llm.dialects.anthropic.stream_writer import MessagesStreamWriter
from gecholog.llm.errors import InvalidRequestError, InvalidResponseError, UnsupportedParameterError
from gecholog.llm.event import Event
from tests.gecholog.llm.fuzz import mutated

CONTEXT = ReplyContext(ChatRequest("m", ()), "id1", 1, "asked")
CACHED = {"type": "ephemeral"}
REQUEST: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "be brief", "cache_control": CACHED}],
    "messages": [
        {"role": "user", "content": "hello"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "gecholog.gemini:call::Y2FsbA=="},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": [1, {"deep": None}]}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [
                        {"type": "text", "text": "seen"},
                        {
                            "type": "search_result",
                            "source": "s",
                            "title": "t",
                            "content": [{"type": "text", "text": "x"}],
                        },
                        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                    ],
                },
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "words"},
                    "title": "t",
                },
                {"type": "text", "text": "and?", "cache_control": CACHED},
            ],
        },
    ],
    "tools": [
        {"name": "look", "description": "d", "input_schema": {"type": "object", "properties": {}}, "strict": True},
        {"type": "web_search_20250305", "name": "web_search"},
    ],
    "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    "metadata": {"user_id": "u"},
    "service_tier": "auto",
    "stop_sequences": ["END"],
    "temperature": 0.5,
    "top_k": 5,
    "top_p": 0.9,
    "stream": True,
}
ANSWER: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "c2ln"},
        {
            "type": "text",
            "text": "hi",
            "citations": [{"type": "char_location", "cited_text": "h", "document_title": "t"}],
        },
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1}},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 7, "service_tier": "standard"},
}
STREAM: list[dict[str, Any]] = [
    {"type": "message_start", "message": ANSWER | {"content": []}},
    {"type": "ping"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "tool_use", "id": "t", "name": "n", "input": {}},
    },
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a":'}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "1}"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "hi"}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "citations_delta", "citation": {"url": "u"}}},
    {"type": "content_block_stop", "index": 2},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 9},
    },
    {"type": "message_stop"},
]
ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def test_requests() -> None:
    assert CHAT.read_request is not None
    for body in mutated([REQUEST]):
        if isinstance(body, dict):
            with suppress(InvalidRequestError, UnsupportedParameterError):
                json_text.dumps(CHAT.write_request(CHAT.read_request(body), Target("claude-3-7-sonnet")).body)


def test_answers() -> None:
    assert CHAT.write_response is not None
    for body in mutated([ANSWER]):
        if isinstance(body, dict):
            with suppress(InvalidResponseError):
                json_text.dumps(CHAT.write_response(CHAT.read_response(body), CONTEXT))


def test_streams() -> None:
    for events in mutated([STREAM, [*STREAM[:8], ERROR]]):
        reader, writer = MessagesStreamReader(), MessagesStreamWriter(CONTEXT)
        values = [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []
        read = [delta for value in values for delta in reader.read(Event("", value))] + reader.end()
        assert sum(isinstance(delta, Finished | Failed) for delta in read) == 1
        for delta in read:
            writer.write(delta)
        writer.end()


def test_errors() -> None:
    assert CHAT.write_error is not None
    for body in mutated([ERROR]):
        assert CHAT.write_error(CHAT.read_error(529, json_text.dumps(body)))["error"]["message"]
