from typing import Any

import pytest

from gecholog.errors import NotJson
from gecholog.llm.chat import ChatRequest, File, Text
from gecholog.llm.dialects.anthropic.request_reader import read_request
from gecholog.llm.errors import InvalidRequestError

IMAGE = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}


def read(*content: dict[str, Any], role: str = "user", **fields: Any) -> ChatRequest:
    return read_request({"model": "m", "messages": [{"role": role, "content": list(content)}]} | fields)


def document(**fields: Any) -> dict[str, Any]:
    return {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}} | fields


def test_a_document_has_a_title_a_context_and_may_be_cited() -> None:
    request = read(document(title="Report", context="of 1999", citations={"enabled": True}))
    wanted = File(text="words", media_type="text/plain", name="Report", context="of 1999", is_cited=True)
    assert request.messages[0].parts == (wanted,)
    assert request.hints == {}


def test_a_document_with_an_image_in_it_is_not_read_without_it() -> None:
    source = {"type": "content", "content": [{"type": "text", "text": "see"}, IMAGE]}
    assert "image" in read(document(source=source)).required["messages"]


def test_what_no_other_api_has_is_a_hint_by_its_place() -> None:
    mark = {"type": "ephemeral"}
    cited = {"type": "text", "text": "x", "citations": [{"type": "char_location", "cited_text": "x"}]}
    found = {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "y"}]}
    found["content"] = [{"type": "text", "text": "y", "cache_control": mark}]
    request = read(
        cited,
        found | {"citations": {"enabled": True}},
        metadata={"user_id": "u", "team": "a"},
        tools=[{"name": "look", "input_schema": {}, "defer_loading": True, "allowed_callers": ["direct"]}],
        output_config={"effort": "low", "task_budget": {"type": "tokens", "total": 9}},
    )
    assert request.messages[0].parts == (Text("x"), Text("t\ns\ny"))
    assert request.hints == {
        "user": "u",
        "metadata.team": "a",
        "text.citations": cited["citations"],
        "search_result.citations": {"enabled": True},
        "cache_control": mark,
        "tools.defer_loading": True,
        "output_config.task_budget": {"type": "tokens", "total": 9},
    }


@pytest.mark.parametrize("place", ["output_config.format", "output_format"])
def test_what_a_format_says_beside_its_schema_is_a_hint(place: str) -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}, "name": "answer", "description": None}
    request = read(**({"output_config": {"format": form}} if "." in place else {place: form}))
    assert request.hints == {f"{place}.name": "answer"}


@pytest.mark.parametrize(
    ("role", "block"),
    [
        ("user", {"type": "thinking", "thinking": "hm", "signature": "c2ln"}),
        ("user", {"type": "redacted_thinking", "data": "c2ln"}),
        ("user", {"type": "tool_use", "id": "a", "name": "look", "input": {}}),
        ("assistant", {"type": "tool_result", "tool_use_id": "a"}),
    ],
)
def test_a_block_of_the_other_role_is_refused_by_its_place(role: str, block: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        read({"type": "text", "text": "x"}, block, role=role)
    assert raised.value.param == "messages[0].content[1].type"


def test_the_input_of_a_call_is_not_lost_where_it_is_nested_too_deep() -> None:
    value: dict[str, Any] = {}
    for _ in range(100_000):
        value = {"a": value}
    with pytest.raises(NotJson):
        read({"type": "tool_use", "id": "a", "name": "look", "input": value}, role="assistant")
