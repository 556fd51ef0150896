from contextlib import suppress
from typing import Any

import pytest

from gecholog.llm import json_text
from gecholog.llm.chat import (
    Audio,
    Choice,
    File,
    FinishReason,
    Image,
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
from gecholog.llm.dialects.bedrock_converse.dialect import CHAT
from gecholog.llm.errors import ErrorInfo, InvalidResponseError, UnsupportedParameterError
from gecholog.llm.event import Event
from tests.gecholog.llm.dialects.writing import HELLO, Writing, said
from tests.gecholog.llm.fuzz import mutated

TOOLS = (Tool("look", "sees", {"type": "object", "properties": {}}), Tool("find"))
CLAUDE, TITAN, NEW = (
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "amazon.titan-text-lite-v1",
    "anthropic.claude-opus-4-6-v1",
)
MARK = {"type": "ephemeral"}
ANSWER: dict[str, Any] = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
                {"reasoningContent": {"redactedContent": "c2ln"}},
                {"text": "hi"},
                {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": 1}}},
                {"citationsContent": {"content": [{"text": "cited"}], "citations": []}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 5,
        "outputTokens": 7,
        "totalTokens": 14,
        "cacheReadInputTokens": 2,
        "cacheWriteInputTokens": 0,
    },
}
STREAM: list[tuple[str, dict[str, Any]]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "hm"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2ln"}}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "hi"}, "p": "abcd"}),
    ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "look"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"at":'}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": "1}"}}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("contentBlockStart", {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t2", "name": "find"}}}),
    ("contentBlockStop", {"contentBlockIndex": 3}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": ANSWER["usage"], "metrics": {"latencyMs": 1}}),
]
writing = Writing(CHAT, CLAUDE)
body, dropped = writing.body, writing.dropped


def streamed(*events: tuple[str, dict[str, Any]]) -> list[Delta]:
    reader = CHAT.stream_reader()
    return [delta for name, value in events for delta in reader.read(Event(name, value))] + reader.end()


# ------------------------------------------------------------------ requests


def test_a_conversation() -> None:
    messages = (
        said(Text("be brief", MARK), role=Role.SYSTEM),
        said(Text("what?"), Image("aGk=", "image/jpeg"), File(text="words", name="a/b.txt")),
        said(Reasoning("hm", "c2ln", "anthropic"), ToolCall("t.1", "look", '{"at":1}'), role=Role.ASSISTANT),
        said(ToolResult("t.1", (Text("seen"), Image("aGk=", "image/png")), is_error=True)),
    )
    sent = body(messages=messages, tools=TOOLS)
    assert sent["system"] == [{"text": "be brief"}, {"cachePoint": {"type": "default"}}]
    assert sent["messages"] == [
        {
            "role": "user",
            "content": [
                {"text": "what?"},
                {"image": {"format": "jpeg", "source": {"bytes": "aGk="}}},
                {"document": {"format": "txt", "name": "a b txt 1", "source": {"bytes": "d29yZHM="}}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
                {"toolUse": {"toolUseId": "t.1", "name": "look", "input": {"at": 1}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": "t.1",
                        "content": [{"text": "seen"}, {"image": {"format": "png", "source": {"bytes": "aGk="}}}],
                        "status": "error",
                    }
                }
            ],
        },
    ]


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (None, None),
        (ToolChoice(ToolMode.AUTO), {"auto": {}}),
        (ToolChoice(ToolMode.REQUIRED), {"any": {}}),
        (ToolChoice(ToolMode.NAMED, ("look",)), {"tool": {"name": "look"}}),
    ],
)
def test_tools(choice: ToolChoice | None, written: dict[str, Any] | None) -> None:
    config = body(tools=TOOLS, tool_choice=choice)["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["look", "find"]
    assert "description" not in config["tools"][1]["toolSpec"]
    assert config.get("toolChoice") == written


def test_tools_of_the_history_are_named_and_no_tools_are_none() -> None:
    history = (*HELLO, said(ToolCall("a", "look", "{}"), role=Role.ASSISTANT), said(ToolResult("a")))
    assert [tool["toolSpec"]["name"] for tool in body(messages=history)["toolConfig"]["tools"]] == ["look"]
    assert "toolConfig" not in body(tools=TOOLS, tool_choice=ToolChoice(ToolMode.NONE))


def test_limits_and_hints() -> None:
    fields: dict[str, Any] = {"max_tokens": 9, "temperature": 1.5, "top_p": 0.5, "stop": ("a",), "top_k": 3}
    hints = {"service_tier": "flex", "metadata": {"a": "b"}, "seed": 7}
    sent = body(**fields, hints=hints)
    assert sent["inferenceConfig"] == {"maxTokens": 9, "temperature": 1, "topP": 0.5, "stopSequences": ["a"]}
    assert sent["additionalModelRequestFields"] == {"top_k": 3}
    assert (sent["serviceTier"], sent["requestMetadata"]) == ({"type": "flex"}, {"a": "b"})
    assert dropped(hints=hints) == ("seed",)
    assert dropped(TITAN, top_k=3, reasoning=ReasoningConfig(True, "low")) == ("top_k", "reasoning_effort")
    assert dropped(TITAN, (said(Text("x", MARK)),)) == ("cache_control",)


def test_thinking() -> None:
    sent = body(reasoning=ReasoningConfig(True, "low"), temperature=0.5, max_tokens=100)
    assert sent["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    assert sent["inferenceConfig"] == {"maxTokens": 1124}
    assert dropped(reasoning=ReasoningConfig(True, "low"), temperature=0.5) == ("temperature",)
    more = body(NEW, reasoning=ReasoningConfig(True, "low"))["additionalModelRequestFields"]
    assert more == {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}


@pytest.mark.parametrize(
    ("thoughts", "lost"), [((), ("reasoning_effort",)), ((Reasoning("a", "sig", "anthropic"),), ())]
)
def test_thinking_does_not_begin_within_a_turn(thoughts: tuple[Reasoning, ...], lost: tuple[str, ...]) -> None:
    messages = (*HELLO, said(*thoughts, ToolCall("a", "look", "{}"), role=Role.ASSISTANT), said(ToolResult("a")))
    assert dropped(messages=messages, reasoning=ReasoningConfig(True, "low")) == lost


def test_marks_keep_their_time_and_stand_behind_the_result_that_they_are_in() -> None:
    hour = MARK | {"ttl": "1h"}
    messages = (
        *HELLO,
        said(ToolCall("a", "look", "{}"), role=Role.ASSISTANT),
        said(ToolResult("a", (Text("x", hour),))),
    )
    assert body(messages=messages)["messages"][-1]["content"] == [
        {"toolResult": {"toolUseId": "a", "content": [{"text": "x"}]}},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
    ]


def test_a_document_keeps_what_is_told_about_it() -> None:
    document = File(text="words", name="Report", context="of 1999", is_cited=True)
    found = body(messages=(said(document),))["messages"][0]["content"][0]["document"]
    assert (found["name"], found["context"], found["citations"]) == ("Report 1", "of 1999", {"enabled": True})


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"required": {"logprobs": True}}, "logprobs"),
        ({"response_format": ResponseFormat({"type": "object"}, "n")}, "response_format"),
        ({"messages": (said(Audio("AAAA", "audio/wav")),)}, "input_audio"),
        ({"messages": (said(Image(url="https://example.com/a.png")),)}, "image_url"),
        ({"messages": (said(Image("aGk=", "image/tiff")),)}, "image_url"),
        ({"messages": (said(File(file_id="f")),)}, "file"),
        ({"messages": (said(File(data="aGk=", media_type="video/mp4")),)}, "file"),
    ],
)
def test_what_cannot_be_said_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParameterError) as raised:
        body(**fields)
    assert raised.value.param == param


# ------------------------------------------------------------------ answers


def test_an_answer() -> None:
    found = CHAT.read_response(ANSWER)
    parts = (
        Reasoning("hm", "c2ln", "anthropic"),
        Reasoning(signature="c2ln", origin="anthropic", is_redacted=True),
        Text("hi"),
        ToolCall("t1", "look", '{"at":1}'),
        Text("cited"),
    )
    assert found.choices == (Choice(parts, FinishReason.TOOL_CALLS),)
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (7, 7)


def test_a_stream() -> None:
    assert [delta for delta in streamed(*STREAM) if not isinstance(delta, UsageSeen)] == [
        Started(),
        ReasoningDelta("hm"),
        ReasoningDelta(signature="c2ln", origin="anthropic"),
        TextDelta("hi"),
        ToolCallStarted(0, "t1", "look"),
        ArgumentsDelta(0, '{"at":'),
        ArgumentsDelta(0, "1}"),
        ToolCallStarted(1, "t2", "find"),
        ArgumentsDelta(1, "{}"),
        Finished(FinishReason.TOOL_CALLS),
    ]


def test_a_stream_that_breaks_off_or_reports_an_error_has_failed() -> None:
    assert isinstance(streamed(*STREAM[:5])[-1], Failed)
    error = streamed(*STREAM[:3], ("throttlingException", {"message": "slow"}), *STREAM[3:])[-1]
    assert error == Failed(ErrorInfo(429, "slow", code="throttlingException"))


def test_any_answer_is_read_or_refused() -> None:
    for answer in mutated([ANSWER]):
        if isinstance(answer, dict):
            with suppress(InvalidResponseError):
                CHAT.read_response(answer)
        CHAT.read_error(400, json_text.dumps(answer))


def test_any_stream_ends_once() -> None:
    events = [{"name": name, "value": value} for name, value in STREAM]
    for changed in mutated([events, [*events[:6], {"name": "internalServerException", "value": {}}]]):
        found = [
            (event["name"], event["value"])
            for event in (changed if isinstance(changed, list) else [])
            if isinstance(event, dict) and isinstance(event.get("name"), str) and isinstance(event.get("value"), dict)
        ]
        assert sum(isinstance(delta, Finished | Failed) for delta in streamed(*found)) == 1
