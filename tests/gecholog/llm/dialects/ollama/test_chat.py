from contextlib import suppress
from typing import Any

import pytest

from gecholog.llm.chat import (
    Audio,
    ChatRequest,
    ChatResponse,
    Choice,
    File,
    FinishReason,
    Image,
    Message,
    Reasoning,
    ReasoningConfig,
    ResponseFormat,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolMode,
    ToolResult,
)
from gecholog.llm.chat_dialect import Target
from gecholog.llm.deltas import (
    ArgumentsDelta,
    Delta,
    Failed,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallStarted,
    UsageSeen,
)
from gecholog.llm.dialects.ollama.dialect import CHAT
from gecholog.llm.errors import ErrorInfo, InvalidResponseError, UnsupportedParameterError
from gecholog.llm.event import Event
from gecholog.llm.usage import Usage
from tests.gecholog.llm.dialects.writing import Writing, said
from tests.gecholog.llm.fuzz import mutated

TOOLS = (Tool("look", "sees", {"type": "object", "properties": {}}), Tool("find"))
CALL = {"id": "c1", "function": {"name": "look", "arguments": {"at": 1}}}
ANSWER: dict[str, Any] = {
    "model": "qwen3",
    "created_at": "2026-11-30T12:00:00.123456789Z",
    "message": {"role": "assistant", "content": "hi", "thinking": "hm", "tool_calls": [CALL]},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 10,
    "eval_count": 5,
}
writing = Writing(CHAT, "qwen3")
body, dropped = writing.body, writing.dropped


def streamed(*lines: dict[str, Any]) -> list[Delta]:
    reader = CHAT.stream_reader()
    return [delta for line in lines for delta in reader.read(Event("", line))] + reader.end()


# ------------------------------------------------------------------ requests


def test_a_conversation() -> None:
    messages = (
        said(Text("be brief"), role=Role.SYSTEM),
        said(Text("what"), Text("is this?"), Image("aGk=", "image/png")),
        said(Reasoning("hm"), ToolCall("c1", "look", '{"at":1}'), role=Role.ASSISTANT),
        said(ToolResult("c1", (Text("seen"), Image("AAAA", "image/png")))),
    )
    assert body(messages=messages)["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "what\nis this?", "images": ["aGk="]},
        {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [CALL]},
        {"role": "tool", "content": "seen", "tool_name": "look", "tool_call_id": "c1"},
        {"role": "user", "content": "", "images": ["AAAA"]},
    ]


def test_thoughts_of_other_providers_stay_away() -> None:
    message = said(Reasoning("hm", "c2ln", "anthropic"), Text("x"), role=Role.ASSISTANT)
    assert body(messages=(message,))["messages"] == [{"role": "assistant", "content": "x"}]


def test_options() -> None:
    fields: dict[str, Any] = {"max_tokens": 9, "temperature": 2, "top_p": 0.5, "top_k": 3, "stop": ("a",)}
    assert body(**fields, hints={"seed": 7, "user": "u"})["options"] == {
        "num_predict": 9,
        "temperature": 2,
        "top_p": 0.5,
        "top_k": 3,
        "stop": ["a"],
        "seed": 7,
    }
    assert dropped(hints={"seed": 7, "user": "u"}) == ("user",)
    assert "options" not in body()


def test_it_is_told_whether_to_stream() -> None:
    assert body()["stream"] is False
    assert body(is_streamed=True)["stream"] is True


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (None, ["look", "find"]),
        (ToolChoice(ToolMode.AUTO), ["look", "find"]),
        (ToolChoice(ToolMode.AUTO, ("find",)), ["find"]),
        (ToolChoice(ToolMode.NONE), []),
    ],
)
def test_tools(choice: ToolChoice | None, names: list[str]) -> None:
    sent = body(tools=TOOLS, tool_choice=choice).get("tools", [])
    assert [tool["function"]["name"] for tool in sent] == names


@pytest.mark.parametrize("mode", [ToolMode.REQUIRED, ToolMode.NAMED])
def test_a_tool_cannot_be_forced(mode: ToolMode) -> None:
    with pytest.raises(UnsupportedParameterError) as raised:
        body(tools=TOOLS, tool_choice=ToolChoice(mode, ("look",)))
    assert raised.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"required": {"modalities": ["audio"]}}, "modalities"),
        ({"messages": (said(Audio("AAAA", "audio/wav")),)}, "input_audio"),
        ({"messages": (said(File(text="x")),)}, "file"),
        ({"messages": (said(Image(url="https://example.com/a.png")),)}, "image_url"),
    ],
)
def test_what_cannot_be_said_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParameterError) as raised:
        body(**fields)
    assert raised.value.param == param


def test_formats() -> None:
    schema = {"type": "object"}
    assert body(response_format=ResponseFormat())["format"] == "json"
    assert body(response_format=ResponseFormat(schema, "n"))["format"] == schema


@pytest.mark.parametrize(
    ("model", "reasoning", "think"),
    [
        ("qwen3", ReasoningConfig(True, "low"), True),
        ("qwen3", ReasoningConfig(False), False),
        ("gpt-oss:20b", ReasoningConfig(True, "high"), "high"),
        ("gpt-oss:20b", ReasoningConfig(True), "medium"),
        ("qwen3", None, None),
    ],
)
def test_thinking(model: str, reasoning: ReasoningConfig | None, think: Any) -> None:
    assert body(model, reasoning=reasoning).get("think") == think


# ------------------------------------------------------------------ answers


def test_an_answer() -> None:
    parts = (Reasoning("hm"), Text("hi"), ToolCall("c1", "look", '{"at":1}'))
    usage = Usage(prompt_tokens=10, completion_tokens=5, total_tokens=15)
    choice = Choice(parts, FinishReason.TOOL_CALLS)
    assert CHAT.read_response(ANSWER) == ChatResponse((choice,), "", "qwen3", 1_796_040_000, usage)


def test_an_answer_without_a_message_is_none() -> None:
    with pytest.raises(InvalidResponseError):
        CHAT.read_response({"done": True})


def test_a_stream() -> None:
    deltas = streamed(
        {"model": "qwen3", "message": {"role": "assistant", "content": "", "thinking": "hm"}, "done": False},
        {"model": "qwen3", "message": {"content": "hi"}, "done": False},
        {"model": "qwen3", "message": {"content": "", "tool_calls": [CALL]}, "done": False},
        {"model": "qwen3", "message": {"content": ""}, "done": True, "done_reason": "stop", "eval_count": 5},
        {"message": {"content": "late"}},
    )
    assert [delta for delta in deltas if not isinstance(delta, UsageSeen)] == [
        Started(model="qwen3"),
        ReasoningDelta("hm"),
        TextDelta("hi"),
        ToolCallStarted(0, "c1", "look"),
        ArgumentsDelta(0, '{"at":1}'),
        Finished(FinishReason.TOOL_CALLS),
    ]


def test_a_stream_that_breaks_off_or_reports_an_error_has_failed() -> None:
    assert isinstance(streamed({"message": {"content": "x"}, "done": False})[-1], Failed)
    assert streamed({"error": "out of memory"}) == [Failed(ErrorInfo(500, "out of memory"))]


def test_an_error() -> None:
    assert CHAT.read_error(404, b'{"error":"model not found"}') == ErrorInfo(404, "model not found")


def test_any_answer_is_read_or_refused() -> None:
    for answer in mutated([ANSWER]):
        if isinstance(answer, dict):
            with suppress(InvalidResponseError):
                CHAT.read_response(answer)


def test_any_stream_ends_once() -> None:
    for lines in mutated([[ANSWER | {"done": False}, ANSWER], [ANSWER | {"done": False}, {"error": "x"}]]):
        values = [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
        assert sum(isinstance(delta, Finished | Failed) for delta in streamed(*values)) == 1


def test_a_failed_tool_is_told_in_the_text_of_its_result() -> None:
    messages = (Message(Role.USER, (ToolResult("a", (Text("no town"),), is_error=True),)),)
    written = CHAT.write_request(ChatRequest("m", messages), Target("qwen3")).body["messages"]
    assert written == [{"role": "tool", "content": '{"error":"no town"}', "tool_call_id": "a"}]
