"""Wrong requests, responses and streams raise nothing but the errors that say so."""

from contextlib import suppress
from typing import Any

from gecholog.llm import json_text
from gecholog.llm.chat import ChatRequest
from gecholog.llm.chat_dialect import ReplyContext, Target
from gecholog.llm.deltas import Failed, Finished
from gecholog.llm.dialects.openai_responses.dialect import CHAT
from gecholog.llm.dialects.openai_responses.request_reader import read_request
from gecholog.llm.dialects.openai_responses.response_writer import write_response
from gecholog.llm.dialects.openai_responses.stream_reader import ResponsesStreamReader
from gecholog.llm.dialects.openai_responses.stream_writer import ResponsesStreamWriter
from gecholog.llm.errors import InvalidRequestError, InvalidResponseError, UnsupportedParameterError
from gecholog.llm.event import Event
from tests.gecholog.llm.fuzz import mutated

CONTEXT = ReplyContext(ChatRequest("m", ()), "id1", 1, "asked")
CALL = {"id": "fc", "type": "function_call", "call_id": "a", "name": "look", "arguments": "{}", "status": "completed"}
REASONING = {
    "id": "rs",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "hm"}],
    "encrypted_content": "gecholog.gemini:call::c2ln",
}
ANNOTATION = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 2}
MESSAGE = {
    "id": "msg",
    "type": "message",
    "role": "assistant",
    "content": [
        {"type": "output_text", "text": "hi", "annotations": [ANNOTATION]},
        {"type": "refusal", "refusal": "no"},
    ],
}
IMAGE = {"id": "ig", "type": "image_generation_call", "result": "aGk=", "output_format": "png"}
USAGE = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12, "input_tokens_details": {"cached_tokens": 1}}
REQUEST: dict[str, Any] = {
    "model": "gpt-5",
    "instructions": "be brief",
    "input": [
        {"role": "developer", "content": "x"},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "hello"},
                {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,JVBE", "filename": "a.pdf"},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            ],
        },
        REASONING,
        CALL,
        {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "seen"}]},
        MESSAGE,
        {"type": "item_reference", "id": "x"},
    ],
    "tools": [
        {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": True},
        {"type": "web_search"},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]},
    "parallel_tool_calls": False,
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}, "verbosity": "low"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "max_output_tokens": 100,
    "temperature": 0.5,
    "top_p": 0.9,
    "stream": True,
    "store": False,
    "metadata": {"a": "b"},
}
ANSWER: dict[str, Any] = {
    "id": "resp",
    "object": "response",
    "created_at": 1.5,
    "model": "gpt-5",
    "status": "incomplete",
    "incomplete_details": {"reason": "max_output_tokens"},
    "output": [REASONING, MESSAGE, CALL, IMAGE, {"type": "web_search_call", "id": "ws"}],
    "usage": USAGE,
}
STREAM: list[dict[str, Any]] = [
    {"type": "response.created", "response": ANSWER | {"output": []}},
    {"type": "response.output_item.added", "output_index": 0, "item": REASONING},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "hm"},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "hm"},
    {"type": "response.output_item.done", "output_index": 0, "item": REASONING},
    {"type": "response.output_item.added", "output_index": 1, "item": MESSAGE},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "hi"},
    {"type": "response.output_text.annotation.added", "output_index": 1, "content_index": 0, "annotation": ANNOTATION},
    {"type": "response.refusal.delta", "output_index": 1, "content_index": 1, "delta": "no"},
    {"type": "response.output_item.added", "output_index": 2, "item": CALL},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}"},
    {"type": "response.output_item.done", "output_index": 2, "item": CALL},
    {"type": "response.output_item.done", "output_index": 3, "item": IMAGE},
    {"type": "response.incomplete", "response": ANSWER},
]
ERRORS: list[dict[str, Any]] = [
    {"type": "error", "code": "server_error", "message": "no", "param": None},
    {"type": "response.failed", "response": ANSWER | {"status": "failed", "error": {"code": "x", "message": "no"}}},
]


def test_requests() -> None:
    for body in mutated([REQUEST]):
        if isinstance(body, dict):
            with suppress(InvalidRequestError, UnsupportedParameterError):
                json_text.dumps(CHAT.write_request(read_request(body), Target("m")).body)


def test_responses() -> None:
    for body in mutated([ANSWER]):
        if isinstance(body, dict):
            with suppress(InvalidResponseError):
                json_text.dumps(write_response(CHAT.read_response(body), CONTEXT))


def test_streams() -> None:
    for events in mutated([STREAM, *([*STREAM[:8], error] for error in ERRORS)]):
        reader, writer = ResponsesStreamReader(), ResponsesStreamWriter(CONTEXT)
        values = [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []
        read = [delta for value in values for delta in reader.read(Event("", value))] + reader.end()
        assert sum(isinstance(delta, Finished | Failed) for delta in read) == 1
        for delta in read:
            writer.write(delta)
        writer.end()
