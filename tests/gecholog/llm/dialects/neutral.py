"""Random values of the neutral form, for property tests of dialects."""

from hypothesis import strategies as st

from gecholog.llm.chat import (
    ChatRequest,
    ChatResponse,
    Choice,
    FinishReason,
    Image,
    Message,
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
from gecholog.llm.usage import Usage

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAMES = st.text("abcdefghij_", min_size=1, max_size=8)
IDS = st.text("abcdefghij0123456789", min_size=9, max_size=9)
BASE64 = st.sampled_from(["aGVsbG8=", "AAECAwQ="])
TEXTS = st.builds(Text, WORDS)
IMAGES = st.one_of(
    st.builds(Image, data=BASE64, media_type=st.just("image/png")),
    st.builds(Image, url=st.just("https://images.example/cat.png")),
)
ARGUMENTS = st.sampled_from(["{}", '{"a":1}', '{"city":"Oslo","deep":{"b":[1,2,"x"]}}'])
SCHEMAS = st.sampled_from([{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, None])

# What the model said: reasoning stands before the text, calls behind it, as every API wants it.
SAYINGS = st.tuples(
    st.lists(st.builds(Reasoning, WORDS), max_size=1),
    st.lists(TEXTS, max_size=1),
    st.lists(st.builds(ToolCall, IDS, NAMES, ARGUMENTS), max_size=3, unique_by=lambda call: call.id),
).map(lambda found: (*found[0], *found[1], *found[2]))


@st.composite
def conversations(draw):
    """Messages: a system text or none, then turns of the user and the model, with results for all calls."""
    messages = [Message(Role.SYSTEM, (text,)) for text in draw(st.lists(TEXTS, max_size=1))]
    for _ in range(draw(st.integers(1, 3))):
        messages.append(Message(Role.USER, tuple(draw(st.lists(st.one_of(TEXTS, IMAGES), min_size=1, max_size=3)))))
        said = draw(SAYINGS.filter(bool))
        messages.append(Message(Role.ASSISTANT, said))
        calls = [part for part in said if isinstance(part, ToolCall)]
        results = [ToolResult(call.id, (draw(TEXTS),), call.name) for call in calls]
        if results:
            messages.append(Message(Role.USER, tuple(results)))
    return tuple(messages)


@st.composite
def requests(draw):
    """Requests with what all chat APIs know."""
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    tools = tuple(Tool(name, draw(st.one_of(st.just(""), WORDS)), draw(SCHEMAS)) for name in names)
    choices = [None, ToolChoice(ToolMode.AUTO), ToolChoice(ToolMode.NONE), ToolChoice(ToolMode.REQUIRED)]
    return ChatRequest(
        model="any",
        messages=draw(conversations()),
        tools=tools,
        tool_choice=draw(st.sampled_from([*choices, ToolChoice(ToolMode.NAMED, (names[0],))])) if names else None,
        response_format=draw(st.sampled_from([None, ResponseFormat({"type": "object"}, "answer", strict=True)])),
        reasoning=draw(st.sampled_from([None, ReasoningConfig(is_on=True, effort="high")])),
        max_tokens=draw(st.one_of(st.none(), st.integers(1, 4096))),
        temperature=draw(st.sampled_from([None, 0, 0.5, 1])),
        top_p=draw(st.sampled_from([None, 0.1, 1])),
        stop=tuple(draw(st.lists(WORDS, max_size=2))),
        is_streamed=draw(st.booleans()),
    )


USAGES = st.one_of(
    st.none(),
    st.builds(
        lambda prompt, completion, cached: Usage(
            prompt_tokens=prompt + (cached or 0),
            completion_tokens=completion,
            total_tokens=prompt + (cached or 0) + completion,
            cached_tokens=cached,
        ),
        st.integers(1, 9999),
        st.integers(1, 9999),
        st.one_of(st.none(), st.integers(0, 99)),
    ),
)


def _choice(said, reason):
    has_calls = any(isinstance(part, ToolCall) for part in said)
    return Choice(said, FinishReason.TOOL_CALLS if has_calls else reason)


RESPONSES = st.builds(
    ChatResponse,
    choices=st.builds(_choice, SAYINGS.filter(bool), st.sampled_from([FinishReason.STOP, FinishReason.LENGTH])).map(
        lambda choice: (choice,)
    ),
    id=IDS,
    model=NAMES,
    usage=USAGES,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mangled(draw, valid):
    """A JSON value of which some members are gone or are something else."""
    kept = draw(st.integers(0, 9))
    if kept == 0:
        return draw(JSON)
    if isinstance(valid, dict):
        return {name: draw(mangled(value)) for name, value in valid.items() if draw(st.integers(0, 19))}
    return [draw(mangled(item)) for item in valid] if isinstance(valid, list) else valid


def split(data, places):
    """Bytes cut at some places."""
    cuts = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
