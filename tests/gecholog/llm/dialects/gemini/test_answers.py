from contextlib import suppress
from typing import Any

import pytest

from gecholog.llm import json_text
from gecholog.llm.chat import (
    Audio,
    ChatResponse,
    Choice,
    FinishReason,
    Image,
    Reasoning,
    Text,
    ToolCall,
)
from gecholog.llm.deltas import (
    ArgumentsDelta,
    Delta,
    Failed,
    Finished,
    ImageSeen,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallStarted,
    UsageSeen,
)
from gecholog.llm.dialects.gemini.errors import read_error
from gecholog.llm.dialects.gemini.response_reader import read_response
from gecholog.llm.dialects.gemini.stream_reader import GeminiStreamReader
from gecholog.llm.errors import ErrorInfo, InvalidResponseError
from gecholog.llm.event import Event
from gecholog.llm.usage import Usage
from tests.gecholog.llm.fuzz import mutated

USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "totalTokenCount": 18}
PARTS: list[dict[str, Any]] = [
    {"text": "hm", "thought": True},
    {"text": "hello", "thoughtSignature": "c2ln"},
    {"functionCall": {"id": "c1", "name": "look", "args": {"at": 1}}, "thoughtSignature": "Y2FsbA=="},
    {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
    {"inlineData": {"mimeType": "audio/wav", "data": "aGk="}},
    {"executableCode": {"language": "PYTHON", "code": "1"}},
]
ANSWER: dict[str, Any] = {
    "candidates": [{"content": {"role": "model", "parts": PARTS}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": USAGE,
    "modelVersion": "gemini-x",
    "responseId": "r1",
}


def candidate(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": list(parts)}} | fields


def streamed(*chunks: dict[str, Any]) -> list[Delta]:
    reader = GeminiStreamReader()
    return [delta for chunk in chunks for delta in reader.read(Event("", chunk))] + reader.end()


def test_an_answer() -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=8, total_tokens=18, reasoning_tokens=3)
    parts = (
        Reasoning("hm", "", "gemini"),
        Text("hello"),
        Reasoning(signature="c2ln", origin="gemini"),
        ToolCall("c1", "look", '{"at":1}', "Y2FsbA==", "gemini"),
        Image("aGk=", "image/png"),
        Audio("aGk=", "audio/wav"),
    )
    found = read_response(ANSWER)
    assert found == ChatResponse((Choice(parts, FinishReason.TOOL_CALLS),), "r1", "gemini-x", usage=found.usage)
    assert found.usage is not None
    assert found.usage.counts() == usage.counts()
    assert found.usage.reasoning_tokens == 3


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("STOP", FinishReason.STOP),
        (1, FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("SAFETY", FinishReason.CONTENT_FILTER),
        (3, FinishReason.CONTENT_FILTER),
        ("MALFORMED_FUNCTION_CALL", FinishReason.FAILED),
        ([], FinishReason.OTHER),
        ("FINISH_REASON_UNSPECIFIED", None),
        (None, None),
    ],
)
def test_finish_reasons(told: Any, reason: FinishReason | None) -> None:
    answer = {"candidates": [candidate({"text": "x"}, finishReason=told)]}
    assert read_response(answer).choices[0].finish_reason is reason


def test_a_prompt_that_is_held_back_is_an_empty_answer() -> None:
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4}}
    native = {"native_reason": "PROHIBITED_CONTENT"}
    assert read_response(blocked).choices == (Choice((), FinishReason.CONTENT_FILTER, **native),)
    assert streamed(blocked)[-1] == Finished(FinishReason.CONTENT_FILTER, **native)


def test_an_answer_without_candidates_is_none() -> None:
    with pytest.raises(InvalidResponseError):
        read_response({"usageMetadata": USAGE})


def test_a_stream() -> None:
    deltas = streamed(
        {"candidates": [candidate({"text": "h", "thought": True})], "responseId": "r1", "modelVersion": "gemini-x"},
        {"candidates": [candidate({"text": "hel"}), candidate({"text": "two"}, index=1, finishReason="STOP")]},
        {"candidates": [candidate({"functionCall": {"name": "look", "args": {}}})]},
        {"candidates": [candidate({"functionCall": {"name": "find"}}, finishReason="STOP")], "usageMetadata": USAGE},
        {"candidates": [candidate({"inlineData": {"mimeType": "image/png", "data": "aGk="}})]},
    )
    usage = deltas[-3]
    assert isinstance(usage, UsageSeen)
    assert [delta for delta in deltas if delta is not usage] == [
        Started("r1", "gemini-x"),
        ReasoningDelta("h", origin="gemini"),
        TextDelta("hel"),
        TextDelta("two", choice=1),
        ToolCallStarted(0, "", "look"),
        ArgumentsDelta(0, "{}"),
        ToolCallStarted(1, "", "find"),
        ArgumentsDelta(1, "{}"),
        ImageSeen(Image("aGk=", "image/png")),
        Finished(FinishReason.TOOL_CALLS),
        Finished(FinishReason.STOP, choice=1),
    ]


def test_a_stream_that_breaks_off_has_failed() -> None:
    assert isinstance(streamed({"candidates": [candidate({"text": "x"})]})[-1], Failed)
    assert isinstance(streamed()[-1], Failed)


def test_an_error_in_a_stream_ends_it() -> None:
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    deltas = streamed({"candidates": [candidate({"text": "x"})]}, error, ANSWER)
    assert deltas[-1] == Failed(ErrorInfo(503, "overloaded", code="UNAVAILABLE"))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}', ("slow", "RESOURCE_EXHAUSTED")),
        (b'[{"error":{"code":429,"message":"in a list"}}]', ("in a list", None)),
        (b"<html>no</html>", ("<html>no</html>", None)),
    ],
)
def test_errors(body: bytes, error: tuple[str, str | None]) -> None:
    assert read_error(429, body) == ErrorInfo(429, error[0], code=error[1])


def test_any_answer_is_read_or_refused() -> None:
    for answer in mutated([ANSWER]):
        if isinstance(answer, dict):
            with suppress(InvalidResponseError):
                read_response(answer)
        read_error(500, json_text.dumps(answer))


def test_any_stream_ends() -> None:
    for chunks in mutated([[ANSWER, ANSWER | {"candidates": []}, {"error": {"code": 500}}], [ANSWER]]):
        values = [chunk for chunk in chunks if isinstance(chunk, dict)] if isinstance(chunks, list) else []
        last = streamed(*values)[-1]
        assert isinstance(last, Finished | Failed)
