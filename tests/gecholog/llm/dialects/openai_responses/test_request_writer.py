from typing import Any

import pytest

from gecholog.llm.chat import (
    Audio,
    ChatRequest,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    ReasoningConfig,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from gecholog.llm.chat_dialect import Target
from gecholog.llm.dialects.openai_responses.request_writer import write_request
from gecholog.llm.errors import UnsupportedParameterError

HELLO = (Message(Role.USER, (Text("hello"),)),)


def body(*parts: Part, role: Role = Role.USER, **fields: Any) -> dict[str, Any]:
    messages = (Message(role, parts),) if parts else HELLO
    return write_request(ChatRequest("m", messages, **fields), Target("gpt-5")).body


def test_a_conversation_keeps_its_order() -> None:
    written = body(Text("a"), ToolCall("1", "look", ""), Text("b"), Text("c"), role=Role.ASSISTANT)["input"]
    assert written == [
        {"type": "message", "role": "assistant", "content": "a"},
        {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"},
        {"type": "message", "role": "assistant", "content": "b"},
        {"type": "message", "role": "assistant", "content": "c"},
    ]


def test_results_with_images_are_lists() -> None:
    result = ToolResult("1", (Text("seen"), Image("aGk=", "image/png")))
    assert body(result)["input"] == [
        {
            "type": "function_call_output",
            "call_id": "1",
            "output": [
                {"type": "input_text", "text": "seen"},
                {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,aGk="},
            ],
        }
    ]


def test_only_thoughts_of_openai_are_sent() -> None:
    own = Reasoning("hm", "c2ln", "openai_responses", "rs_1")
    thoughts = (own, Reasoning("x", "c2ln", "anthropic"), Reasoning("y"))
    assert body(*thoughts, role=Role.ASSISTANT)["input"] == [
        {
            "id": "rs_1",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "c2ln",
        }
    ]


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        (File(data="JVBE", media_type="application/pdf"), {"filename": "file"}),
        (File(url="https://example.com/a.pdf"), {"file_url": "https://example.com/a.pdf"}),
        (File(file_id="f"), {"file_id": "f"}),
    ],
)
def test_files(part: Part, fields: dict[str, Any]) -> None:
    written = body(part)["input"][0]["content"][0]
    assert written.items() >= fields.items()


def test_nothing_is_stored_and_encrypted_thoughts_come_along() -> None:
    sent = body(reasoning=ReasoningConfig(True, "low"))
    assert sent["store"] is False
    assert sent["reasoning"] == {"effort": "low", "summary": "auto"}
    assert sent["include"] == ["reasoning.encrypted_content"]
    assert body(reasoning=ReasoningConfig(False))["reasoning"] == {"effort": "none"}
    assert "reasoning" not in body()


@pytest.mark.parametrize(
    ("parts", "fields", "param"),
    [
        ((Audio("AAAA", "audio/wav"),), {}, "input_audio"),
        ((), {"stop": ("x",)}, "stop"),
        ((), {"n": 2}, "n"),
        ((), {"required": {"audio": {}}}, "audio"),
    ],
)
def test_what_cannot_be_said_is_refused(parts: tuple[Part, ...], fields: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParameterError) as raised:
        body(*parts, **fields)
    assert raised.value.param == param


def test_hints_are_sent_or_named() -> None:
    request = ChatRequest("m", HELLO, top_k=5, hints={"seed": 7, "user": "u", "verbosity": "low"})
    written = write_request(request, Target("gpt-5"))
    assert written.dropped == ("seed", "top_k")
    assert written.body["user"] == "u"
    assert written.body["text"] == {"verbosity": "low"}


def test_a_failed_tool_is_told_in_the_text_of_its_output() -> None:
    messages = (Message(Role.USER, (ToolResult("a", (Text("no town"),), is_error=True),)),)
    written = write_request(ChatRequest("m", messages), Target("gpt-5")).body["input"]
    assert written == [{"type": "function_call_output", "call_id": "a", "output": '{"error":"no town"}'}]
