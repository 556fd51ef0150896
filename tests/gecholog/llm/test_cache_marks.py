import pytest

from gecholog.llm.cache_marks import has_cache_marks
from gecholog.llm.chat import ChatRequest, Message, Part, Role, Text, Tool, ToolResult

MARK = {"type": "ephemeral"}


@pytest.mark.parametrize(
    ("parts", "tools", "found"),
    [
        ((Text("x"),), (Tool("t"),), False),
        ((Text("x", MARK),), (), True),
        ((ToolResult("a", (Text("x", MARK),)),), (), True),
        ((Text("x"),), (Tool("t", cache_control=MARK),), True),
    ],
)
def test_marks_are_found_wherever_they_stand(parts: tuple[Part, ...], tools: tuple[Tool, ...], found: bool) -> None:
    assert has_cache_marks(ChatRequest("m", (Message(Role.USER, parts),), tools)) is found
