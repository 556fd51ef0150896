"""Strategies for chats in the neutral form: what a conversation looks like that every API can hold."""

import string

from hypothesis import strategies as st

from gecholog.llm.chat import (
    ChatRequest,
    ChatResponse,
    Choice,
    FinishReason,
    Image,
    Message,
    Part,
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
from gecholog.llm.usage import Usage

NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=8)
WORDS = st.text("".join(map(chr, range(33, 127))) + "äß文🙂“", min_size=1, max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5)
OBJECTS = st.dictionaries(st.text(max_size=5), SCALARS | st.lists(SCALARS, max_size=2), max_size=3)
SCHEMAS = st.builds(
    lambda names: {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": list(names),
        "additionalProperties": False,
    },
    st.lists(NAMES, min_size=1, max_size=3, unique=True),
)
IMAGES = st.builds(
    Image, data=st.sampled_from(["aGk=", "AAAA"]), media_type=st.sampled_from(["image/png", "image/jpeg"])
)
CALLS = st.lists(NAMES, max_size=3, unique=True).flatmap(
    lambda ids: st.tuples(*(st.builds(call, st.just(known), NAMES, OBJECTS) for known in ids))
)


def call(known: str, name: str, arguments: dict[str, object]) -> ToolCall:
    """A call with arguments as this project writes them."""
    from gecholog.llm.tool_arguments import as_text  # noqa: PLC0415

    return ToolCall(known, name, as_text(arguments))


@st.composite
def messages(draw: st.DrawFn, *, images: bool = True) -> tuple[Message, ...]:
    """A conversation: perhaps a system text, then turns of user and assistant, each call with its result."""
    found = []
    if draw(st.booleans()):
        found.append(Message(Role.SYSTEM, (Text(draw(WORDS)),)))
    results: list[Part] = []
    number = 0
    for _ in range(draw(st.integers(1, 3))):
        said: list[Part] = [Text(draw(WORDS))]
        if images and draw(st.booleans()):
            said.append(draw(IMAGES))
        found.append(Message(Role.USER, (*results, *said)))
        if not draw(st.booleans()):
            results = []
            found.append(Message(Role.ASSISTANT, (Text(draw(WORDS)),)))
            continue
        calls = tuple(
            call(f"call_{number}_{index}", draw(NAMES), draw(OBJECTS)) for index in range(draw(st.integers(1, 2)))
        )
        number += 1
        found.append(Message(Role.ASSISTANT, calls))
        results = [ToolResult(one.id, (Text(draw(WORDS)),)) for one in calls]
    if results:
        found.append(Message(Role.USER, tuple(results)))
    return tuple(found)


@st.composite
def requests(draw: st.DrawFn, *, images: bool = True) -> ChatRequest:
    """A request."""
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    tools = tuple(
        Tool(name, draw(st.just("") | WORDS), draw(SCHEMAS), draw(st.none() | st.booleans())) for name in names
    )
    choice = None
    if tools and draw(st.booleans()):
        mode = draw(st.sampled_from(ToolMode))
        choice = ToolChoice(mode, (draw(st.sampled_from(names)),) if mode is ToolMode.NAMED else ())
    return ChatRequest(
        model=draw(NAMES),
        messages=draw(messages(images=images)),
        tools=tools,
        tool_choice=choice,
        response_format=draw(st.none() | st.builds(ResponseFormat, SCHEMAS, st.just("answer"), strict=st.just(True))),
        max_tokens=draw(st.integers(1, 10_000)),
        temperature=draw(st.none() | st.sampled_from([0, 0.5, 1])),
        top_p=draw(st.none() | st.sampled_from([0.5, 0.97])),
        stop=tuple(draw(st.lists(WORDS, max_size=2))),
        reasoning=draw(
            st.none() | st.builds(ReasoningConfig, st.just(True), st.sampled_from(["low", "medium", "high"]))
        ),
        is_streamed=draw(st.booleans()),
    )


@st.composite
def responses(draw: st.DrawFn) -> ChatResponse:
    """A whole answer: a text, calls, or both."""
    calls = draw(CALLS)
    texts = (Text(draw(WORDS)),) if not calls or draw(st.booleans()) else ()
    reasons = [FinishReason.STOP, FinishReason.LENGTH]
    reason = FinishReason.TOOL_CALLS if calls else draw(st.sampled_from(reasons))
    prompt, completion = draw(st.integers(0, 9999)), draw(st.integers(0, 9999))
    cached = draw(st.none() | st.integers(0, prompt))
    usage = Usage(
        prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion, cached_tokens=cached
    )
    return ChatResponse((Choice((*texts, *calls), reason),), draw(NAMES), draw(NAMES), usage=usage)
