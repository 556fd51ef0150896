import pytest
from msgspec import structs

from gecholog.llm.chat import ChatRequest, Image, Message, Part, Role, Text, Tool, ToolResult
from gecholog.llm.chat_dialect import ChatDialect, Target
from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.nested_hints import CACHE_CONTROL, DETAIL, NAME, STRICT, lost_hints, nested_hints

MARK = {"type": "ephemeral"}
CLOSE = Image(data="AAAA", media_type="image/png", detail="high")


def a_request(*parts: Part, name: str = "", strict: bool | None = None) -> ChatRequest:
    tool = Tool("t", "", {"type": "object", "properties": {}}, strict)
    return ChatRequest("m", (Message(Role.USER, parts, name),), (tool,))


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (a_request(Text("x")), set()),
        (a_request(Text("x"), strict=False), set()),
        (a_request(structs.replace(CLOSE, detail="auto")), set()),
        (a_request(CLOSE), {DETAIL}),
        (a_request(ToolResult("a", (CLOSE,))), {DETAIL}),
        (a_request(Text("x"), name="Ada", strict=True), {NAME, STRICT}),
        (a_request(Text("x", MARK)), {CACHE_CONTROL}),
        (a_request(ToolResult("a", (Text("x", MARK),))), {CACHE_CONTROL}),
        (ChatRequest("m", (), (Tool("t", cache_control=MARK),)), {CACHE_CONTROL}),
    ],
)
def test_hints_are_found_wherever_they_stand(request_: ChatRequest, found: set[str]) -> None:
    assert nested_hints(request_) == found


def test_kept_ones_are_not_lost() -> None:
    assert lost_hints(a_request(CLOSE, name="Ada", strict=True), STRICT) == [DETAIL, NAME]


@pytest.mark.parametrize("dialect", CHAT_DIALECTS.values(), ids=lambda dialect: dialect.name)
def test_each_dialect_writes_a_hint_or_names_it(dialect: ChatDialect) -> None:
    """The same request with and without a hint has the same body only if the hint is among those left out."""
    target = Target("claude-sonnet-4-5")
    plain = dialect.write_request(a_request(structs.replace(CLOSE, detail="")), target)
    for hint, asked in {
        DETAIL: a_request(CLOSE),
        NAME: a_request(structs.replace(CLOSE, detail=""), name="Ada"),
        STRICT: a_request(structs.replace(CLOSE, detail=""), strict=True),
    }.items():
        written = dialect.write_request(asked, target)
        assert (hint in written.dropped) == (written.body == plain.body), hint
