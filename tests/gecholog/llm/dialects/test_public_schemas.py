"""What is written for Anthropic and OpenAI, and for their clients, is of the schemas that they publish."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from gecholog.llm import json_text
from gecholog.llm.chat import ChatRequest, ChatResponse, Choice, FinishReason, Reasoning, Refusal, Text, ToolCall
from gecholog.llm.chat_dialect import ReplyContext, Target
from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.errors import ErrorInfo
from gecholog.llm.sse import SseDecoder
from gecholog.llm.usage import Usage
from gecholog.llm.whole_as_deltas import deltas_of
from tests.gecholog.llm.chats import requests, responses
from tests.gecholog.llm.public_schemas import ANTHROPIC, OPENAI, check

SOME = settings(max_examples=40)
CONTEXT = ReplyContext(ChatRequest("m", ()), "id1", 1, "asked")
RICH = ChatResponse(
    (
        Choice(
            (
                Reasoning("hm", "c2ln", "gemini"),
                Reasoning(signature="c2ln", origin="anthropic", is_redacted=True),
                Text("hello"),
                Refusal("no"),
                ToolCall("a", "look", '{"at":1}', "Y2FsbA==", "gemini"),
                ToolCall("", "find", "cut off {"),
            ),
            FinishReason.TOOL_CALLS,
        ),
    ),
    "id",
    "m",
    5,
    Usage(prompt_tokens=9, completion_tokens=5, total_tokens=14, cached_tokens=3, reasoning_tokens=2),
)


def again(value: Any) -> Any:
    return json.loads(json_text.dumps(value))


@SOME
@given(requests())
def test_requests_for_anthropic(request: ChatRequest) -> None:
    for model in ("claude-sonnet-4-5", "claude-opus-4-6"):
        check(
            ANTHROPIC,
            "CreateMessageParams",
            again(CHAT_DIALECTS["anthropic"].write_request(request, Target(model)).body),
        )


@SOME
@given(requests())
def test_requests_for_openai(request: ChatRequest) -> None:
    for model in ("gpt-4.1", "gpt-5"):
        written = CHAT_DIALECTS["openai_chat"].write_request(request, Target(model, profile="openai"))
        check(OPENAI, "CreateChatCompletionRequest", again(written.body))


@SOME
@given(requests())
def test_requests_for_responses(request: ChatRequest) -> None:
    written = CHAT_DIALECTS["openai_responses"].write_request(replace(request, stop=()), Target("gpt-5"))
    body = again(written.body)
    body.pop("include", None)  # the document does not have `reasoning.encrypted_content` yet
    check(OPENAI, "CreateResponse", body)


ANSWERS = [
    ("anthropic", ANTHROPIC, "Message"),
    ("openai_chat", OPENAI, "CreateChatCompletionResponse"),
    ("openai_responses", OPENAI, "Response"),
]
EVENTS = [
    ("anthropic", ANTHROPIC, "MessageStreamEvent"),
    ("openai_chat", OPENAI, "CreateChatCompletionStreamResponse"),
    ("openai_responses", OPENAI, "ResponseStreamEvent"),
]


def whole(dialect: str, response: ChatResponse) -> Any:
    write = CHAT_DIALECTS[dialect].write_response
    assert write is not None
    return again(write(response, CONTEXT))


def events(dialect: str, response: ChatResponse) -> list[Any]:
    make = CHAT_DIALECTS[dialect].stream_writer
    assert make is not None
    writer = make(CONTEXT)
    data = b"".join(map(writer.write, deltas_of(response))) + writer.end()
    return [event.value for event in SseDecoder().feed(data)]


@pytest.mark.parametrize(("dialect", "document", "schema"), ANSWERS)
def test_a_rich_answer(dialect: str, document: str, schema: str) -> None:
    check(document, schema, whole(dialect, RICH))


@pytest.mark.parametrize(("dialect", "document", "schema"), EVENTS)
def test_a_rich_stream(dialect: str, document: str, schema: str) -> None:
    for event in events(dialect, RICH):
        check(document, schema, event)


@SOME
@given(responses())
def test_answers(response: ChatResponse) -> None:
    for dialect, document, schema in ANSWERS:
        check(document, schema, whole(dialect, response))


@settings(max_examples=15)
@given(responses())
def test_streams(response: ChatResponse) -> None:
    for dialect, document, schema in EVENTS:
        for event in events(dialect, response):
            check(document, schema, event)


# Not 413: the document of Anthropic does not have its own `request_too_large`.
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 502, 503, 504, 529])
def test_errors(status: int) -> None:
    for dialect, document in (("anthropic", ANTHROPIC), ("openai_chat", OPENAI)):
        write = CHAT_DIALECTS[dialect].write_error
        assert write is not None
        written = again(write(ErrorInfo(status, "no", "odd_word", "code")))
        if dialect == "anthropic":
            written["request_id"] = None  # of theirs
        check(document, "ErrorResponse", written)
