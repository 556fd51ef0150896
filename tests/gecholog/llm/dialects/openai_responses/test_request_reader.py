from typing import Any

import pytest

from gecholog.llm.chat import (
    ChatRequest,
    File,
    Image,
    Message,
    ReasoningConfig,
    ResponseFormat,
    Role,
    Text,
    ToolCall,
    ToolChoice,
    ToolMode,
    ToolResult,
)
from gecholog.llm.dialects.openai_responses.request_reader import read_request
from gecholog.llm.errors import InvalidRequestError


def read(**fields: Any) -> ChatRequest:
    return read_request({"model": "m", "input": "hello"} | fields)


def said(*content: dict[str, Any]) -> tuple[Any, ...]:
    return read(input=[{"role": "user", "content": list(content)}]).messages[0].parts


def test_instructions_and_developers_are_the_system() -> None:
    given = [{"role": "developer", "content": "b"}, {"type": "message", "role": "user", "content": "c"}]
    assert read(instructions="a", input=given).messages == (
        Message(Role.SYSTEM, (Text("a"),)),
        Message(Role.SYSTEM, (Text("b"),)),
        Message(Role.USER, (Text("c"),)),
    )


def test_calls_of_one_turn_are_one_message_and_their_outputs_another() -> None:
    given = [
        {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{}"},
        {"type": "function_call", "call_id": "b", "name": "find", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"type": "function_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "2"}]},
        {"role": "user", "content": "and?"},
    ]
    assert read(input=given).messages == (
        Message(Role.ASSISTANT, (ToolCall("a", "look", "{}"), ToolCall("b", "find", "{}"))),
        Message(Role.USER, (ToolResult("a", (Text("1"),)), ToolResult("b", (Text("2"),)))),
        Message(Role.USER, (Text("and?"),)),
    )


def test_images_and_files() -> None:
    assert said(
        {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
        {"type": "input_image", "file_id": "f"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,JVBE", "filename": "a.pdf"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
    ) == (
        Image("aGk=", "image/png", detail="low"),
        Image(url="https://example.com/a.png"),
        Image(file_id="f"),
        File(data="JVBE", media_type="application/pdf", name="a.pdf"),
        File(url="https://example.com/a.pdf"),
    )


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"previous_response_id": "r"}, "previous_response_id"),
        ({"conversation": {"id": "c"}}, "conversation"),
        ({"store": True}, "store"),
        ({"background": True}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
    ],
)
def test_what_has_no_place_elsewhere_is_required(fields: dict[str, Any], name: str) -> None:
    assert list(read(**fields).required) == [name]


@pytest.mark.parametrize("fields", [{"store": False}, {"store": None}, {"background": False}, {"include": []}])
def test_what_asks_for_nothing_is_not_required(fields: dict[str, Any]) -> None:
    assert read(**fields).required == {}


def test_hints() -> None:
    hints = read(text={"verbosity": "low"}, user="u", truncation="auto", metadata=None).hints
    assert hints == {"verbosity": "low", "user": "u", "truncation": "auto"}


@pytest.mark.parametrize(
    ("choice", "read_as", "names"),
    [
        ("required", ToolChoice(ToolMode.REQUIRED), ["look", "find"]),
        ({"type": "function", "name": "look"}, ToolChoice(ToolMode.NAMED, ("look",)), ["look", "find"]),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "find"}]},
            ToolChoice(ToolMode.AUTO),
            ["find"],
        ),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "find"}]},
            ToolChoice(ToolMode.REQUIRED, ("find",)),
            ["look", "find"],
        ),
    ],
)
def test_tool_choice(choice: Any, read_as: ToolChoice, names: list[str]) -> None:
    request = read(tools=[{"type": "function", "name": name} for name in ("look", "find")], tool_choice=choice)
    assert request.tool_choice == read_as
    assert [tool.name for tool in request.tools] == names


def test_formats_and_reasoning() -> None:
    schema = {"type": "object"}
    form = {"type": "json_schema", "name": "n", "schema": schema, "strict": True}
    assert read(text={"format": form}).response_format == ResponseFormat(schema, "n", strict=True)
    assert read(text={"format": {"type": "json_object"}}).response_format == ResponseFormat()
    assert read(text={"format": {"type": "text"}}).response_format is None
    assert read(reasoning={"effort": "low", "summary": "auto"}).reasoning == ReasoningConfig(
        True, "low", shows_text=True
    )
    assert read(reasoning={"effort": "none"}).reasoning == ReasoningConfig(False)
    assert read(reasoning={}).reasoning == ReasoningConfig()


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"input": 5}, "input"),
        ({"input": [5]}, "input[0]"),
        ({"input": [{"role": "x", "content": "y"}]}, "input[0].role"),
        ({"input": [{"type": "function_call", "call_id": "a", "name": "n"}]}, "input[0].arguments"),
        ({"model": None}, "model"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"tool_choice": "always"}, "tool_choice"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
    ],
)
def test_wrong_requests_name_the_place(fields: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        read(**fields)
    assert raised.value.param == path


def test_no_tool_of_those_that_are_allowed_is_none() -> None:
    tools = [{"type": "function", "name": "look", "parameters": {}}]
    choice = {"type": "allowed_tools", "mode": "none", "tools": [{"type": "function", "name": "look"}]}
    assert read(tools=tools, tool_choice=choice).tool_choice == ToolChoice(ToolMode.NONE)


def test_what_else_is_to_be_included_is_a_hint() -> None:
    wanted = ["reasoning.encrypted_content", "file_search_call.results"]
    assert read(include=wanted).hints == {"include": ["file_search_call.results"]}
    assert read(stream_options={"include_obfuscation": True}).hints == {"stream_options.include_obfuscation": True}


def test_a_reference_to_an_item_is_told_by_its_id_alone() -> None:
    assert "item_reference" in read(input=[{"id": "msg_1"}]).required["input"]
