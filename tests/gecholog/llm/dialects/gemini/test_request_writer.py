from typing import Any

import pytest
from hypothesis import given

from gecholog.llm import json_text
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
from gecholog.llm.chat_dialect import FetchedImage, Target
from gecholog.llm.dialects.gemini.dialect import CHAT
from gecholog.llm.dialects.gemini.request_writer import write_request
from gecholog.llm.errors import UnsupportedParameterError
from gecholog.llm.tool_arguments import as_object
from tests.gecholog.llm.chats import requests
from tests.gecholog.llm.dialects.writing import HELLO, Writing, said

TOOLS = (Tool("look", "sees", {"type": "object", "properties": {"at": {"type": "string"}}}), Tool("find"))
FLASH, PRO, NEW = "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash-preview"
writing = Writing(CHAT, FLASH)
body, dropped = writing.body, writing.dropped


def config(model: str = FLASH, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = body(model, **fields).get("generationConfig", {})
    return found


@given(requests())
def test_the_words_of_any_conversation_arrive_in_turns(request: ChatRequest) -> None:
    written = json_text.loads(json_text.dumps(write_request(request, Target(FLASH)).body))
    texts = [part["text"] for content in written["contents"] for part in content["parts"] if "text" in part]
    wanted = [
        part.text
        for message in request.messages
        for part in message.parts
        if isinstance(part, Text) and message.role is not Role.SYSTEM
    ]
    assert texts == wanted
    calls = [
        part["functionCall"] for content in written["contents"] for part in content["parts"] if "functionCall" in part
    ]
    assert [(call["name"], call["args"]) for call in calls] == [
        (part.name, as_object(part.arguments))
        for message in request.messages
        for part in message.parts
        if isinstance(part, ToolCall)
    ]
    results = [part for content in written["contents"] for part in content["parts"] if "functionResponse" in part]
    assert len(results) == len(calls)


def test_results_have_a_content_of_their_own_in_the_order_of_the_calls() -> None:
    messages = (
        *HELLO,
        said(ToolCall("a", "look", '{"at":"x"}'), ToolCall("b", "look", "{}"), role=Role.ASSISTANT),
        said(ToolResult("b", (Text("two"),))),
        said(ToolResult("a", (Text('{"seen":1}'),))),
        said(Text("and?")),
    )
    assert body(messages=messages, tools=TOOLS)["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"name": "look", "args": {"at": "x"}}},
                {"functionCall": {"name": "look", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "look", "response": {"seen": 1}}},
                {"functionResponse": {"name": "look", "response": {"result": "two"}}},
            ],
        },
        {"role": "user", "parts": [{"text": "and?"}]},
    ]


def test_an_image_in_a_result_follows_it() -> None:
    messages = (
        said(ToolCall("a", "look", "{}"), role=Role.ASSISTANT),
        said(ToolResult("a", (Text("here"), Image("aGk=", "image/png")), is_error=True)),
    )
    assert body(messages=messages, tools=TOOLS)["contents"][1:] == [
        {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"error": "here"}}}]},
        {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]},
    ]


def test_a_result_without_its_call_is_refused() -> None:
    with pytest.raises(UnsupportedParameterError, match="no call before it"):
        body(messages=(said(ToolResult("a")),))
    assert body(messages=(said(ToolResult("a", name="look")),))["contents"][0]["parts"][0]["functionResponse"]


def test_signatures_come_back_where_they_were() -> None:
    parts = (
        Reasoning("hm", "c2ln", "gemini"),
        Reasoning("other", "c2ln", "anthropic"),
        ToolCall("a", "look", "{}", "Y2FsbA==", "gemini"),
    )
    messages = (*HELLO, said(*parts, role=Role.ASSISTANT), said(ToolResult("a")))
    assert body(NEW, messages, tools=TOOLS)["contents"][1]["parts"] == [
        {"text": "hm", "thought": True, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "look", "args": {}}, "thoughtSignature": "Y2FsbA=="},
    ]


def test_models_that_want_signatures_are_told_that_there_is_none() -> None:
    calls = (ToolCall("a", "look", "{}"), ToolCall("b", "find", "{}"))
    messages = (*HELLO, said(*calls, role=Role.ASSISTANT), said(ToolResult("a"), ToolResult("b")))
    first, second = body(NEW, messages, tools=TOOLS)["contents"][1]["parts"]
    assert first["thoughtSignature"]
    assert "thoughtSignature" not in second
    assert "thoughtSignature" not in str(body(FLASH, messages, tools=TOOLS))


def test_an_image_by_url_needs_its_bytes() -> None:
    message = said(Image(url="https://example.com/a.png"))
    with pytest.raises(UnsupportedParameterError, match="fetch_images") as raised:
        body(messages=(message,))
    assert raised.value.param == "image_url"
    target = Target(FLASH, images={"https://example.com/a.png": FetchedImage("aGk=", "image/png")})
    written = write_request(ChatRequest("m", (message,)), target).body["contents"][0]["parts"]
    assert written == [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (Audio("AAAA", "audio/wav"), {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}),
        (
            File(data="JVBE", media_type="application/pdf"),
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBE"}},
        ),
        (File(text="words"), {"inlineData": {"mimeType": "text/plain", "data": "d29yZHM="}}),
        (Image(url="gs://bucket/a.png"), {"fileData": {"fileUri": "gs://bucket/a.png"}}),
    ],
)
def test_parts(part: Part, written: dict[str, Any]) -> None:
    assert body(messages=(said(part),))["contents"][0]["parts"] == [written]


@pytest.mark.parametrize("part", [File(url="https://example.com/a.pdf"), File(file_id="f"), Image(file_id="f")])
def test_parts_that_are_somewhere_else_are_refused(part: Part) -> None:
    with pytest.raises(UnsupportedParameterError):
        body(messages=(said(part),))


def test_tools_and_their_schemas() -> None:
    assert body(tools=TOOLS)["tools"] == [
        {
            "functionDeclarations": [
                {"name": "look", "description": "sees", "parametersJsonSchema": TOOLS[0].parameters},
                {"name": "find"},
            ]
        }
    ]


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        (ToolChoice(ToolMode.AUTO), {"mode": "AUTO"}),
        (ToolChoice(ToolMode.NONE), {"mode": "NONE"}),
        (ToolChoice(ToolMode.REQUIRED), {"mode": "ANY"}),
        (ToolChoice(ToolMode.NAMED, ("look",)), {"mode": "ANY", "allowedFunctionNames": ["look"]}),
        (ToolChoice(ToolMode.REQUIRED, ("look", "find")), {"mode": "ANY", "allowedFunctionNames": ["look", "find"]}),
    ],
)
def test_tool_choice(choice: ToolChoice, calling: dict[str, Any]) -> None:
    assert body(tools=TOOLS, tool_choice=choice)["toolConfig"] == {"functionCallingConfig": calling}


def test_limits_and_sampling() -> None:
    fields: dict[str, Any] = {"max_tokens": 9, "temperature": 2, "top_p": 0.5, "top_k": 3, "stop": ("a",), "n": 2}
    hints = {"seed": 7, "presence_penalty": 0.5, "frequency_penalty": 0.1, "user": "u"}
    assert config(**fields, hints=hints) == {
        "maxOutputTokens": 9,
        "temperature": 2,
        "topP": 0.5,
        "topK": 3,
        "stopSequences": ["a"],
        "candidateCount": 2,
        "seed": 7,
        "presencePenalty": 0.5,
        "frequencyPenalty": 0.1,
    }
    assert dropped(hints=hints) == ("user",)


def test_what_is_only_a_hint_is_named_when_it_is_left_out() -> None:
    marked = (said(Text("x", {"type": "ephemeral"})),)
    assert dropped(messages=marked) == ("cache_control",)
    assert dropped(tools=TOOLS, parallel_tool_calls=False) == ("parallel_tool_calls",)


def test_formats() -> None:
    schema = {"type": "object", "properties": {}}
    assert config(response_format=ResponseFormat()) == {"responseMimeType": "application/json"}
    assert config(response_format=ResponseFormat(schema, "n"))["responseJsonSchema"] == schema


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking"),
    [
        (FLASH, ReasoningConfig(True, "low"), {"includeThoughts": True, "thinkingBudget": 1024}),
        (FLASH, ReasoningConfig(True, budget=-1), {"includeThoughts": True, "thinkingBudget": -1}),
        (FLASH, ReasoningConfig(True, "high", shows_text=False), {"includeThoughts": False, "thinkingBudget": 24576}),
        (FLASH, ReasoningConfig(False), {"thinkingBudget": 0}),
        (PRO, ReasoningConfig(False), None),
        (NEW, ReasoningConfig(True, "minimal"), {"includeThoughts": True, "thinkingLevel": "minimal"}),
        (NEW, ReasoningConfig(True, budget=9000), {"includeThoughts": True, "thinkingLevel": "medium"}),
        (NEW, ReasoningConfig(True), {"includeThoughts": True, "thinkingLevel": "high"}),
        ("gemini-3-pro", ReasoningConfig(True, "minimal"), {"includeThoughts": True, "thinkingLevel": "low"}),
        (NEW, ReasoningConfig(False), {"thinkingLevel": "minimal"}),
        ("gemini-2.0-flash", ReasoningConfig(True, "low"), None),
    ],
)
def test_thinking(model: str, reasoning: ReasoningConfig, thinking: dict[str, Any] | None) -> None:
    assert config(model, reasoning=reasoning).get("thinkingConfig") == thinking


def test_thinking_leaves_half_of_the_limit_to_the_answer() -> None:
    wanted = ReasoningConfig(True, "high")
    assert config(reasoning=wanted, max_tokens=4000)["thinkingConfig"]["thinkingBudget"] == 2000


@pytest.mark.parametrize("required", [{"logprobs": True}, {"audio": {}}, {"modalities": ["text", "audio"]}])
def test_what_changes_the_answer_and_cannot_be_said_is_refused(required: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedParameterError) as raised:
        body(required=required)
    assert raised.value.param == next(iter(required))


def test_images_may_be_asked_for() -> None:
    assert config(required={"modalities": ["text", "image"]})["responseModalities"] == ["TEXT", "IMAGE"]


def test_the_context_of_a_document_stands_in_front_of_it_and_its_name_is_named() -> None:
    document = File(data="aGk=", media_type="application/pdf", name="a.pdf", context="of 1999")
    (content,) = body(messages=(said(document),))["contents"]
    assert content["parts"] == [{"text": "of 1999"}, {"inlineData": {"mimeType": "application/pdf", "data": "aGk="}}]
    assert dropped(messages=(said(document),)) == ("file.filename",)
