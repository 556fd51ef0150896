from typing import Any

import pytest

from gecholog.llm.chat import (
    Audio,
    ChatRequest,
    File,
    Image,
    Part,
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
from gecholog.llm.dialects.anthropic import vertex
from gecholog.llm.dialects.anthropic.dialect import CHAT
from gecholog.llm.dialects.anthropic.request_writer import write_request
from gecholog.llm.errors import UnsupportedParameterError
from tests.gecholog.llm.dialects.writing import HELLO, Writing, said

TOOLS = (Tool("look"), Tool("find"))
OLD, NEW = "claude-sonnet-4-5-20250929", "claude-opus-4-6"
writing = Writing(CHAT, OLD)
body, dropped = writing.body, writing.dropped


# ------------------------------------------------------------------ limits


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("claude-3-haiku-20240307", 4096),
        ("claude-3-5-sonnet-20241022", 8192),
        ("claude-3-7-sonnet-latest", 64000),
        ("claude-opus-4-20250514", 32000),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", 64000),
        ("claude-sonnet-4-5-20250929", 64000),
        ("someone-elses", 4096),
    ],
)
def test_a_request_without_a_limit_gets_that_of_its_model(model: str, limit: int) -> None:
    assert body(model)["max_tokens"] == limit


def test_the_limit_of_the_config_wins_over_the_table_and_that_of_the_client_over_both() -> None:
    target = Target(OLD, max_output_tokens=777)
    assert write_request(ChatRequest("m", HELLO), target).body["max_tokens"] == 777
    assert write_request(ChatRequest("m", HELLO, max_tokens=5), target).body["max_tokens"] == 5


def test_a_limit_of_nothing_goes_on_for_it_fills_the_cache() -> None:
    assert body(max_tokens=0)["max_tokens"] == 0
    assert body(max_tokens=0, reasoning=ReasoningConfig(True, "low"))["max_tokens"] == 0
    assert dropped(max_tokens=0, reasoning=ReasoningConfig(True, "low")) == ("reasoning_effort",)


def test_a_temperature_over_the_range_is_cut_to_its_end() -> None:
    assert body(temperature=1.7)["temperature"] == 1


# ------------------------------------------------------------------ the conversation


def test_system_texts_go_to_the_front_wherever_they_stand() -> None:
    messages = (said(Text("a"), role=Role.SYSTEM), *HELLO, said(Text("b"), role=Role.SYSTEM))
    assert body(messages=messages)["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert body(messages=messages)["messages"] == [{"role": "user", "content": "hello"}]


def test_results_of_tools_come_first_in_one_message_after_their_calls() -> None:
    messages = (
        said(ToolCall("a", "look", "{}"), ToolCall("b", "find", '{"x":1}'), role=Role.ASSISTANT),
        said(ToolResult("a", (Text("1"),))),
        said(Text("and now?"), ToolResult("b", (Text("no"),), is_error=True)),
    )
    assert body(messages=messages, tools=TOOLS)["messages"] == [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "a", "name": "look", "input": {}},
                {"type": "tool_use", "id": "b", "name": "find", "input": {"x": 1}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                {"type": "tool_result", "tool_use_id": "b", "content": "no", "is_error": True},
                {"type": "text", "text": "and now?"},
            ],
        },
    ]


def test_ids_have_the_characters_that_the_api_takes_and_stay_different() -> None:
    calls = [ToolCall(known, "look", "{}") for known in ("a:1", "a.1", "a_1")]
    messages = (said(*calls, role=Role.ASSISTANT), said(*(ToolResult(call.id) for call in calls)))
    call_turn, result_turn = body(messages=messages, tools=TOOLS)["messages"]
    ids = [block["id"] for block in call_turn["content"]]
    assert ids == ["a_1", "a_1_2", "a_1_3"]
    assert [block["tool_use_id"] for block in result_turn["content"]] == ids


def test_a_prefill_loses_white_space_at_its_end() -> None:
    parts = (Image("aGk=", "image/png"), Text("The answer is \n"))
    assert body(messages=(*HELLO, said(*parts, role=Role.ASSISTANT)))["messages"][-1]["content"][-1]["text"] == (
        "The answer is"
    )


def test_empty_texts_are_left_out() -> None:
    assert body(messages=(*HELLO, said(Text(""), role=Role.ASSISTANT), said(Text("again"))))["messages"] == [
        {"role": "user", "content": "hello"},
        {"role": "user", "content": "again"},
    ]


def test_only_thoughts_that_anthropic_signed_are_sent() -> None:
    thoughts = (Reasoning("a", "sig", "anthropic"), Reasoning("b", "sig", "gemini"), Reasoning("c"))
    messages = (*HELLO, said(*thoughts, Text("x"), role=Role.ASSISTANT))
    assert body(messages=messages)["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "a", "signature": "sig"},
        {"type": "text", "text": "x"},
    ]


@pytest.mark.parametrize(
    ("part", "source"),
    [
        (File(data="JVBERi0=", media_type="application/pdf"), "base64"),
        (File(text="words"), "text"),
        (File(data="d29yZHM=", media_type="text/markdown"), "text"),
        (File(url="https://example.com/a.pdf"), "url"),
    ],
)
def test_documents(part: File, source: str) -> None:
    block = body(messages=(said(part, Text("x")),))["messages"][0]["content"][0]
    assert block["source"]["type"] == source
    if source == "text":
        assert block["source"]["data"] == "words"


@pytest.mark.parametrize(
    ("part", "param"),
    [(Audio("AAAA", "audio/wav"), "input_audio"), (Image(file_id="f"), "file_id"), (File(file_id="f"), "file_id")],
)
def test_parts_without_a_block_are_refused(part: Part, param: str) -> None:
    with pytest.raises(UnsupportedParameterError) as raised:
        body(messages=(said(part),))
    assert raised.value.param == param


# ------------------------------------------------------------------ tools and formats


@pytest.mark.parametrize(
    ("choice", "parallel", "written"),
    [
        (None, None, None),
        (ToolChoice(ToolMode.AUTO), None, {"type": "auto"}),
        (ToolChoice(ToolMode.REQUIRED), None, {"type": "any"}),
        (
            ToolChoice(ToolMode.NAMED, ("look",)),
            False,
            {"type": "tool", "name": "look", "disable_parallel_tool_use": True},
        ),
        (ToolChoice(ToolMode.NONE), False, {"type": "none"}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
    ],
)
def test_tool_choice(choice: ToolChoice | None, parallel: bool | None, written: dict[str, Any] | None) -> None:
    assert body(tools=TOOLS, tool_choice=choice, parallel_tool_calls=parallel).get("tool_choice") == written


def test_a_choice_from_some_tools_sends_only_those() -> None:
    sent = body(tools=TOOLS, tool_choice=ToolChoice(ToolMode.REQUIRED, ("find",)))
    assert [tool["name"] for tool in sent["tools"]] == ["find"]


def test_objects_of_a_schema_are_closed() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "object", "properties": {}}, "type": {"enum": ["object"]}}}
    sent = body(response_format=ResponseFormat(schema, "n"))["output_config"]["format"]["schema"]
    assert sent["additionalProperties"] is False
    assert sent["properties"]["a"]["additionalProperties"] is False
    assert sent["properties"]["type"] == {"enum": ["object"]}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": ResponseFormat()}, "response_format"),
        ({"n": 2}, "n"),
        ({"required": {"logprobs": True}}, "logprobs"),
    ],
)
def test_what_changes_the_answer_and_cannot_be_said_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParameterError) as raised:
        body(**fields)
    assert raised.value.param == param


def test_hints_are_translated_or_named() -> None:
    hints = {"user": "u1", "service_tier": "default", "seed": 7, "cache_control": {"type": "ephemeral"}}
    sent = body(hints=hints)
    assert sent["metadata"] == {"user_id": "u1"}
    assert sent["service_tier"] == "standard_only"
    assert sent["cache_control"] == {"type": "ephemeral"}
    assert dropped(hints=hints | {"service_tier": "flex"}) == ("service_tier", "seed")


# ------------------------------------------------------------------ thinking


@pytest.mark.parametrize(
    ("reasoning", "limit", "budget", "new_limit"),
    [
        (ReasoningConfig(True, "low"), 64000, 4096, 64000),
        (ReasoningConfig(True, "high"), 64000, 16384, 64000),
        (ReasoningConfig(True, budget=2000), 64000, 2000, 64000),
        (ReasoningConfig(True, budget=10), 64000, 1024, 64000),
        (ReasoningConfig(True, "high"), 8000, 4000, 8000),
        (ReasoningConfig(True, "high"), 100, 1024, 1124),
        (ReasoningConfig(True, "high"), 1500, 1024, 2524),
    ],
)
def test_a_budget_fits_below_the_limit(reasoning: ReasoningConfig, limit: int, budget: int, new_limit: int) -> None:
    sent = body(reasoning=reasoning, max_tokens=limit)
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert sent["max_tokens"] == new_limit


@pytest.mark.parametrize(
    ("reasoning", "effort"),
    [
        (ReasoningConfig(True, "minimal"), "low"),
        (ReasoningConfig(True, "high"), "high"),
        (ReasoningConfig(True, "xhigh"), "max"),
        (ReasoningConfig(True, budget=9000), "medium"),
        (ReasoningConfig(True, budget=-1), None),
    ],
)
def test_newer_models_think_as_hard_as_a_word_says(reasoning: ReasoningConfig, effort: str | None) -> None:
    sent = body(NEW, reasoning=reasoning)
    assert sent["thinking"] == {"type": "adaptive"}
    assert sent.get("output_config", {}).get("effort") == effort


def test_what_thinking_does_not_take_beside_it_is_named() -> None:
    fields = {"reasoning": ReasoningConfig(True, "low"), "temperature": 0.2, "top_k": 5, "top_p": 0.5}
    assert dropped(**fields) == ("temperature", "top_k", "top_p")
    assert not body(**fields).keys() & {"temperature", "top_k", "top_p"}


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("claude-3-5-sonnet-20241022", {}),
        (OLD, {"tools": TOOLS, "tool_choice": ToolChoice(ToolMode.REQUIRED)}),
    ],
)
def test_thinking_is_left_out_where_it_would_be_refused(model: str, fields: dict[str, Any]) -> None:
    wanted = ReasoningConfig(True, "low")
    assert dropped(model, reasoning=wanted, **fields) == ("reasoning_effort",)
    assert "thinking" not in body(model, reasoning=wanted, **fields)


@pytest.mark.parametrize(
    ("model", "shows_text", "display"),
    [
        (OLD, None, None),
        (OLD, True, None),
        (OLD, False, "omitted"),
        (NEW, True, None),
        (NEW, False, "omitted"),
        ("claude-opus-4-7", None, "summarized"),
        ("claude-sonnet-5", True, "summarized"),
        ("claude-sonnet-5", False, "omitted"),
    ],
)
def test_the_text_of_thoughts_comes_unless_it_is_not_wanted(
    model: str, shows_text: bool | None, display: str | None
) -> None:
    wanted = ReasoningConfig(True, "low", shows_text=shows_text)
    assert body(model, reasoning=wanted)["thinking"].get("display") == display


@pytest.mark.parametrize(
    ("model", "thinking", "lost"),
    [
        (OLD, None, ()),
        ("claude-opus-4-7", None, ()),
        ("claude-sonnet-5", {"type": "disabled"}, ()),
        ("claude-fable-5-1", None, ("reasoning_effort",)),
    ],
)
def test_models_that_think_unasked_are_told_not_to(model: str, thinking: Any, lost: tuple[str, ...]) -> None:
    assert body(model, reasoning=ReasoningConfig(False)).get("thinking") == thinking
    assert dropped(model, reasoning=ReasoningConfig(False)) == lost


@pytest.mark.parametrize("thoughts", [(), (Reasoning("a", "sig", "anthropic"),)])
def test_thinking_is_asked_for_within_a_turn(thoughts: tuple[Reasoning, ...]) -> None:
    messages = (*HELLO, said(*thoughts, ToolCall("a", "look", "{}"), role=Role.ASSISTANT), said(ToolResult("a")))
    assert "thinking" in body(messages=messages, tools=TOOLS, reasoning=ReasoningConfig(True, "low"))
    assert dropped(messages=messages, tools=TOOLS, reasoning=ReasoningConfig(True, "low")) == ()


def test_a_document_keeps_what_is_told_about_it() -> None:
    document = File(text="words", name="Report", context="of 1999", is_cited=True)
    (turn,) = body(messages=(said(document),))["messages"]
    assert turn["content"] == [
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "words"},
            "title": "Report",
            "context": "of 1999",
            "citations": {"enabled": True},
        }
    ]


def test_thinking_that_is_off_is_not_asked_for() -> None:
    assert "thinking" not in body(reasoning=ReasoningConfig(False))


def test_many_ids_that_would_become_one_stay_different() -> None:
    calls = [ToolCall(f"a{chr(0x4E00 + index)}", "look", "{}") for index in range(5000)]
    turn = body(messages=(*HELLO, said(*calls, role=Role.ASSISTANT)), tools=TOOLS)["messages"][1]
    assert len({block["id"] for block in turn["content"]}) == 5000


def test_a_system_message_with_more_than_texts_is_refused() -> None:
    with pytest.raises(UnsupportedParameterError) as raised:
        body(messages=(said(Image("aGk=", "image/png"), role=Role.SYSTEM), *HELLO))
    assert raised.value.param == "messages"


def test_thinking_does_not_begin_within_a_turn_on_vertex() -> None:
    messages = (*HELLO, said(ToolCall("a", "look", "{}"), role=Role.ASSISTANT), said(ToolResult("a")))
    request = ChatRequest("m", messages, TOOLS, reasoning=ReasoningConfig(True, "low"))
    written = vertex.write_request(request, Target(OLD))
    assert written.dropped == ("reasoning_effort",)
    assert "thinking" not in written.body
