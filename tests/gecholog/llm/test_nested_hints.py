import pytest
from msgspec import structs

from gecholog.llm.chat import (
    ChatRequest,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    ReasoningConfig,
    ResponseFormat,
    Role,
    Text,
    Tool,
    ToolResult,
)
from gecholog.llm.chat_dialect import ChatDialect, Target
from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.nested_hints import (
    CACHE_CONTROL,
    CITATIONS,
    DESCRIPTION,
    DETAIL,
    EFFORT,
    FILENAME,
    NAME,
    STRICT,
    SUMMARY,
    THOUGHTS,
    lost_hints,
    lost_without_switch,
    nested_hints,
)

MARK = {"type": "ephemeral"}
CLOSE = Image(data="AAAA", media_type="image/png", detail="high")


def has_text(thought: Reasoning) -> bool:
    return bool(thought.text)


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
        (a_request(File("AAAA", name="a.pdf")), {FILENAME}),
        (a_request(ToolResult("a", (File("AAAA", is_cited=True),))), {CITATIONS}),
        (ChatRequest("m", (), response_format=ResponseFormat({}, "n", "d")), {DESCRIPTION}),
        (a_request(Reasoning("hm")), set()),
        (a_request(Reasoning(signature="c2ln")), {THOUGHTS}),
    ],
)
def test_hints_are_found_wherever_they_stand(request_: ChatRequest, found: set[str]) -> None:
    assert nested_hints(request_, has_text) == found


def test_kept_ones_are_not_lost() -> None:
    assert lost_hints(a_request(CLOSE, name="Ada", strict=True), STRICT, takes_thought=has_text) == [DETAIL, NAME]


@pytest.mark.parametrize(
    ("wanted", "lost"),
    [
        (None, []),
        (ReasoningConfig(), []),
        (ReasoningConfig(effort="low"), [EFFORT]),
        (ReasoningConfig(effort="low", shows_text=True), [EFFORT, SUMMARY]),
    ],
)
def test_a_wish_without_a_switch_is_lost(wanted: ReasoningConfig | None, lost: list[str]) -> None:
    assert lost_without_switch(wanted) == lost


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
