"""Requests for Cohere's chat, and its answers."""

from contextlib import suppress
from typing import Any

import pytest

from gecholog.llm.chat import (
    Audio,
    ChatResponse,
    Choice,
    Citation,
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
from gecholog.llm.dialects.cohere.dialect import CHAT
from gecholog.llm.errors import BROKEN_OFF, ErrorInfo, InvalidResponseError, UnsupportedParameterError
from gecholog.llm.event import Event
from gecholog.llm.usage import Usage
from tests.gecholog.llm.dialects.writing import Writing, said
from tests.gecholog.llm.fuzz import mutated
from tests.gecholog.llm.samples import COHERE

THINKS = "command-a-reasoning-08-2025"
TOOLS = (Tool("look", "sees", {"type": "object", "properties": {"a": {}}}), Tool("find"))
OFFERED = [
    {
        "type": "function",
        "function": {"name": "look", "description": "sees", "parameters": {"type": "object", "properties": {"a": {}}}},
    },
    {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}},
]
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at":1}'}}
SOURCE = {"type": "document", "id": "d1", "document": {"id": "d1", "title": "facts", "url": "https://x.example"}}
ANSWER: dict[str, Any] = {
    "id": "co_1",
    "finish_reason": "COMPLETE",
    "message": {
        "role": "assistant",
        "tool_plan": "I look.",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hi you"}],
        "citations": [{"start": 0, "end": 2, "text": "Hi", "sources": [SOURCE], "content_index": 1}],
    },
    "usage": {
        "billed_units": {"input_tokens": 5, "output_tokens": 2},
        "tokens": {"input_tokens": 71, "output_tokens": 3},
        "cached_tokens": 64,
    },
}
writing = Writing(CHAT, THINKS)
body, dropped = writing.body, writing.dropped


def streamed(*events: dict[str, Any]) -> list[Delta]:
    reader = CHAT.stream_reader()
    return [delta for event in events for delta in reader.read(Event("", event))] + reader.end()


def test_a_plain_request() -> None:
    assert body() == {"model": THINKS, "messages": [{"role": "user", "content": "hello"}], "stream": False}
    assert body(is_streamed=True)["stream"] is True


def test_sampling_has_other_names_and_ranges() -> None:
    """https://docs.cohere.com/reference/chat: `p` from 0.01 to 0.99, `k` up to 500, penalties from 0 to 1."""
    fields = {"max_tokens": 5, "temperature": 0.5, "top_p": 0.5, "top_k": 40, "stop": ("a", "b")}
    hints = {"seed": 7, "presence_penalty": 0.5, "frequency_penalty": 2.0}
    written = body(**fields, hints=hints)
    assert {name: written[name] for name in written if name not in ("model", "messages", "stream")} == {
        "max_tokens": 5,
        "temperature": 0.5,
        "p": 0.5,
        "k": 40,
        "stop_sequences": ["a", "b"],
        "seed": 7,
        "presence_penalty": 0.5,
        "frequency_penalty": 1,
    }
    assert (body(top_p=1)["p"], body(top_p=0)["p"], body(top_k=1000)["k"]) == (0.99, 0.01, 500)


def test_hints_without_a_place_are_listed() -> None:
    hints = {"user": "u", "logit_bias": {"1": 2}, "presence_penalty": -1, "frequency_penalty": "much"}
    assert sorted(dropped(hints=hints)) == sorted(hints)
    assert dropped(tools=TOOLS, parallel_tool_calls=False) == ("parallel_tool_calls",)
    marked = said(Text("x", cache_control={"type": "ephemeral"}))
    assert dropped(messages=(Message(Role.USER, marked.parts, name="Ann"),)) == ("cache_control", "messages.name")


def test_what_changes_the_answer_is_refused() -> None:
    for fields in ({"required": {"logprobs": True}}, {"n": 2}):
        with pytest.raises(UnsupportedParameterError):
            body(**fields)
    for part in (Audio("aGk=", "audio/wav"), File(text="x"), Image(file_id="f")):
        with pytest.raises(UnsupportedParameterError):
            body(messages=(said(part),))


def test_messages() -> None:
    messages = (
        said(Text("be kind"), role=Role.SYSTEM),
        said(Text("a"), Text("b")),
        said(Reasoning("I look."), Text("wait"), ToolCall("c1", "look", '{"at":1}'), role=Role.ASSISTANT),
        said(ToolResult("c1", (Text("seen"), Text("all"), Image(url="https://x.example/i.png")))),
        said(Reasoning("hm"), Text("done"), role=Role.ASSISTANT),
        said(Reasoning("theirs", "s", "anthropic"), ToolCall("c2", "find", ""), role=Role.ASSISTANT),
        said(Image(data="aGk=", media_type="image/jpeg", detail="low")),
    )
    assert body(messages=messages)["messages"] == [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "tool_plan": "I look.", "content": "wait", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "seen\nall"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example/i.png"}}]},
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "done"}],
        },
        {
            "role": "assistant",
            "tool_calls": [{"id": "c2", "type": "function", "function": {"name": "find", "arguments": "{}"}}],
        },
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,aGk=", "detail": "low"}}],
        },
    ]


@pytest.mark.parametrize(
    ("choice", "offered", "word"),
    [
        (None, OFFERED, None),
        (ToolChoice(ToolMode.AUTO), OFFERED, None),
        (ToolChoice(ToolMode.NONE), OFFERED, "NONE"),
        (ToolChoice(ToolMode.REQUIRED), OFFERED, "REQUIRED"),
        (ToolChoice(ToolMode.NAMED, ("find",)), OFFERED[1:], "REQUIRED"),
        (ToolChoice(ToolMode.AUTO, ("look",)), OFFERED[:1], None),
    ],
)
def test_tool_choice(choice: ToolChoice | None, offered: list[Any], word: str | None) -> None:
    """One tool is forced by offering no other."""
    written = body(tools=TOOLS, tool_choice=choice)
    assert (written["tools"], written.get("tool_choice")) == (offered, word)


def test_tools_are_strict_together() -> None:
    strict = Tool("look", strict=True)
    assert body(tools=(strict,))["strict_tools"] is True
    assert "strict_tools" not in body(tools=(strict, Tool("find")))
    assert dropped(tools=(strict, Tool("find"))) == ("function.strict",)


def test_structured_output() -> None:
    assert body(response_format=ResponseFormat())["response_format"] == {"type": "json_object"}
    schema = {"type": "object"}
    written = body(response_format=ResponseFormat(schema, "n"))["response_format"]
    assert written == {"type": "json_object", "json_schema": schema}


@pytest.mark.parametrize(
    ("wanted", "thinking"),
    [
        (ReasoningConfig(is_on=True, budget=2000), {"type": "enabled", "token_budget": 2000}),
        (ReasoningConfig(is_on=True, budget=-1), {"type": "enabled"}),
        (ReasoningConfig(is_on=True, effort="low"), {"type": "enabled", "token_budget": 1024}),
        (ReasoningConfig(is_on=True, effort="high"), {"type": "enabled"}),
        (ReasoningConfig(is_on=False), {"type": "disabled"}),
        (ReasoningConfig(), None),
    ],
)
def test_thinking(wanted: ReasoningConfig, thinking: dict[str, Any] | None) -> None:
    assert body(reasoning=wanted).get("thinking") == thinking
    assert "thinking" not in body("command-r-08-2024", reasoning=wanted)
    assert dropped("command-r-08-2024", reasoning=wanted) == (("reasoning_effort",) if wanted.is_on else ())


def test_an_answer() -> None:
    assert CHAT.read_response(ANSWER) == ChatResponse(
        (
            Choice(
                (
                    Reasoning("I look."),
                    Reasoning("hm"),
                    Text("Hi you", citations=(Citation("https://x.example", "facts", "", 0, 2),)),
                ),
                FinishReason.STOP,
            ),
        ),
        id="co_1",
        usage=Usage(prompt_tokens=71, completion_tokens=3, total_tokens=74, cached_tokens=64),
    )


def test_calls_in_an_answer() -> None:
    empty = {"id": "c2", "type": "function", "function": {"name": "find", "arguments": ""}}
    answer = {"finish_reason": "TOOL_CALL", "message": {"tool_calls": [CALL, empty, {"id": "c3"}]}}
    assert CHAT.read_response(answer).choices == (
        Choice((ToolCall("c1", "look", '{"at":1}'), ToolCall("c2", "find", "{}")), FinishReason.TOOL_CALLS),
    )


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("COMPLETE", FinishReason.STOP),
        ("STOP_SEQUENCE", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("ERROR_TOXIC", FinishReason.CONTENT_FILTER),
        ("new", FinishReason.OTHER),
    ],
)
def test_finish_reasons(word: str, reason: FinishReason | None) -> None:
    assert CHAT.read_response(ANSWER | {"finish_reason": word}).choices[0].finish_reason is reason


@pytest.mark.parametrize("answer", [{}, {"message": "x"}, ANSWER | {"finish_reason": "ERROR"}])
def test_no_answer(answer: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponseError):
        CHAT.read_response(answer)


def test_a_stream() -> None:
    assert streamed(*COHERE) == [
        Started(id="co_1"),
        ReasoningDelta("I look"),
        ReasoningDelta(" it up."),
        ToolCallStarted(0, "t1", "f"),
        ArgumentsDelta(0, '{"a"'),
        ArgumentsDelta(0, ":1}"),
        TextDelta("Hi"),
        TextDelta(" there"),
        UsageSeen(Usage(prompt_tokens=71, completion_tokens=2, total_tokens=73)),
        Finished(FinishReason.TOOL_CALLS),
    ]


def test_pieces_of_a_stream() -> None:
    """A call without arguments, thinking, and citations."""
    call = {"tool_calls": {"id": "t1", "type": "function", "function": {"name": "f", "arguments": ""}}}
    citation = {"start": 0, "end": 2, "sources": [SOURCE], "content_index": 1}
    assert streamed(
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "thinking", "thinking": "h"}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"thinking": "m"}}}},
        {"type": "content-delta", "index": 1, "delta": {"message": {"content": {"text": "Hi"}}}},
        {"type": "citation-start", "index": 0, "delta": {"message": {"citations": citation}}},
        {"type": "tool-call-start", "index": 3, "delta": {"message": call}},
        {"type": "tool-call-end", "index": 3},
        {"type": "message-end", "delta": {"finish_reason": "MAX_TOKENS"}},
        {"type": "content-delta", "index": 1, "delta": {"message": {"content": {"text": "late"}}}},
    ) == [
        ReasoningDelta("h"),
        ReasoningDelta("m"),
        TextDelta("Hi", part=1),
        TextDelta("", part=1, citations=(Citation("https://x.example", "facts", "", 0, 2),)),
        ToolCallStarted(0, "t1", "f"),
        ArgumentsDelta(0, "{}"),
        Finished(FinishReason.TOOL_CALLS),
    ]


def test_streams_that_fail() -> None:
    end = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "out of memory"}}
    assert streamed(*COHERE[:1], end)[1:] == [Failed(ErrorInfo(500, "out of memory"))]
    assert streamed({"message": "too many"}) == [Failed(ErrorInfo(500, "too many"))]
    assert streamed({"error": {"message": "broken"}}) == [Failed(ErrorInfo(500, "broken"))]
    assert streamed(*COHERE[:3])[-1] == Failed(BROKEN_OFF)


def test_errors() -> None:
    assert CHAT.read_error(401, b'{"id": "i", "message": "Incorrect API key"}') == ErrorInfo(401, "Incorrect API key")


def test_any_answer_is_read_or_refused() -> None:
    for answer in mutated([ANSWER]):
        if isinstance(answer, dict):
            with suppress(InvalidResponseError):
                CHAT.read_response(answer)


def test_any_stream_ends_once() -> None:
    for events in mutated([list(COHERE), [*COHERE[:3], {"error": "x"}]]):
        values = [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []
        assert sum(isinstance(delta, Finished | Failed) for delta in streamed(*values)) == 1
