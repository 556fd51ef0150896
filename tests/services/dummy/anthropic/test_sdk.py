"""Anthropic's official client against the dummy: text, tools, thinking, structured output, caching, errors."""

import anthropic
import pytest

from tests.support.waiting import DEADLINE

HELLO = [{"role": "user", "content": "Hello there!"}]
WEATHER = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}
TIME = {"name": "get_time", "input_schema": {"type": "object", "properties": {}}}
THINKING = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture
def claude(dummy):
    url = f"http://127.0.0.1:{dummy.port}"
    with anthropic.Anthropic(base_url=url, api_key="any", max_retries=0, timeout=DEADLINE) as client:
        yield client


def ask(claude, **more):
    return claude.messages.create(**{"model": "c-1", "max_tokens": 2048, "messages": HELLO} | more)


def ask_streamed(claude, **more):
    with claude.messages.stream(**{"model": "c-1", "max_tokens": 2048, "messages": HELLO} | more) as stream:
        events = list(stream)
        return stream.get_final_message(), events


def shown(message):
    """A message without what differs between two of them."""
    blocks = [block.model_dump(exclude={"id"}, exclude_none=True) for block in message.content]
    return blocks, message.stop_reason, message.stop_sequence, message.usage.output_tokens


def test_a_message(claude):
    """The user's words come back, with the right usage and the limits of the account."""
    raw = claude.messages.with_raw_response.create(model="c-1", max_tokens=100, system="Be kind.", messages=HELLO)
    message = raw.parse()
    assert (message.model, message.content[0].text, message.stop_reason) == (
        "c-1",
        "You said: Hello there!",
        "end_turn",
    )
    assert (message.usage.input_tokens, message.usage.output_tokens) == (6, 6)
    assert int(raw.headers["anthropic-ratelimit-requests-remaining"]) > 0
    assert raw.headers["request-id"].startswith("req_")


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"max_tokens": 3},
        {"stop_sequences": ["there"]},
        {"extra_headers": {"X-Dummy-Chunks": "20", "X-Dummy-Chunk-Delay-Ms": "1"}},
        {"thinking": THINKING},
        {"thinking": {"type": "adaptive", "display": "omitted"}},
        {"tools": [WEATHER, TIME], "tool_choice": {"type": "any"}},
        {"tools": [WEATHER, TIME], "messages": [{"role": "user", "content": "get_time and get_weather"}]},
    ],
)
def test_a_stream_is_the_same(claude, more):
    """Streamed or not, a message has the same blocks, the same end and the same usage."""
    streamed, events = ask_streamed(claude, **more)
    assert shown(streamed) == shown(ask(claude, **more))
    assert events[0].type == "message_start"
    assert events[0].message.usage.output_tokens == 1
    assert events[-1].type == "message_stop"


def test_reasons_of_the_end(claude):
    """Length, a stop sequence with its text, and a tool."""
    assert ask(claude, max_tokens=3).stop_reason == "max_tokens"
    stopped = ask(claude, stop_sequences=["there"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "there")
    assert ask(claude, tools=[TIME], tool_choice={"type": "any"}).stop_reason == "tool_use"


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("thinking", [{"type": "disabled"}, THINKING, {"type": "adaptive"}])
def test_a_loop_with_tools(claude, thinking, streams):
    """The user names two tools: both are called at once, with the thought before them. Their results become a text."""

    def next_turn(messages):
        more = {"messages": messages, "tools": [WEATHER, TIME], "thinking": thinking}
        return ask_streamed(claude, **more)[0] if streams else ask(claude, **more)

    messages = [{"role": "user", "content": "Use get_weather and get_time."}]
    first = next_turn(messages)
    calls = [block for block in first.content if block.type == "tool_use"]
    assert [call.name for call in calls] == ["get_weather", "get_time"]
    assert calls[0].input == {"place": "Use get_weather and get_time."}
    assert (first.content[0].type == "thinking") == (thinking["type"] != "disabled")
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": f"{call.name} is fine"} for call in calls]
    messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    second = next_turn(messages)
    assert second.content[-1].text == "The tools said: get_weather is fine; get_time is fine"
    messages += [{"role": "assistant", "content": second.content}, {"role": "user", "content": "Thanks!"}]
    assert next_turn(messages).content[-1].text == "You said: Thanks!"


def test_one_tool_at_a_time(claude):
    """Where parallel calls are not allowed, the tools are called one after the other."""
    messages = [{"role": "user", "content": "get_weather, then get_time"}]
    names = []
    while True:
        choice = {"type": "auto", "disable_parallel_tool_use": True}
        message = ask(claude, messages=messages, tools=[TIME, WEATHER], tool_choice=choice)
        if message.stop_reason != "tool_use":
            break
        (call,) = message.content
        names.append(call.name)
        result = {"type": "tool_result", "tool_use_id": call.id, "content": call.name}
        messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    assert names == ["get_weather", "get_time"]
    assert message.content[0].text == "The tools said: get_time"


def test_a_thought_cannot_be_changed(claude):
    """A changed thought, a changed signature and redacted data of someone else are refused."""
    thought = ask(claude, thinking=THINKING).content[0]
    for change in ({"thinking": "Something else"}, {"signature": "abcd"}):
        blocks = [thought.model_dump() | change, {"type": "text", "text": "Hi"}]
        messages = [*HELLO, {"role": "assistant", "content": blocks}, {"role": "user", "content": "And?"}]
        with pytest.raises(anthropic.BadRequestError, match="Invalid `signature` in `thinking` block"):
            ask(claude, messages=messages)
    blocks = [{"type": "redacted_thinking", "data": "abcd"}, {"type": "text", "text": "Hi"}]
    messages = [*HELLO, {"role": "assistant", "content": blocks}, {"role": "user", "content": "And?"}]
    with pytest.raises(anthropic.BadRequestError, match="redacted_thinking"):
        ask(claude, messages=messages)


@pytest.mark.parametrize("thinking", [THINKING, {"type": "adaptive"}])
def test_a_thought_cannot_be_left_out(claude, thinking):
    """Between a call and its result the thought has to be there. Without thinking it does not."""
    more = {"tools": [TIME], "thinking": thinking}
    messages = [{"role": "user", "content": "get_time"}]
    call = ask(claude, messages=messages, **more).content[-1]
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "noon"}
    messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    with pytest.raises(anthropic.BadRequestError, match="must start with a thinking block"):
        ask(claude, messages=messages, **more)
    assert ask(claude, messages=messages, tools=[TIME]).content[0].text == "The tools said: noon"


def test_adaptive_thinking_takes_calls_of_others(claude):
    """A call that no thought led to needs none, as after a switch from another model; a fixed budget does need one."""
    call = {"type": "tool_use", "id": "call_1", "name": "get_time", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "noon"}
    messages = [*HELLO, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    assert ask(claude, messages=messages, tools=[TIME], thinking={"type": "adaptive"}).stop_reason == "end_turn"
    with pytest.raises(anthropic.BadRequestError, match="must start with a thinking block"):
        ask(claude, messages=messages, tools=[TIME], thinking=THINKING)


@pytest.mark.parametrize("streams", [True, False])
def test_redacted_thinking(claude, streams):
    """Anthropic's magic text redacts the thought, which may come back."""
    words = "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_46C9"
    more = {"messages": [{"role": "user", "content": words}], "thinking": THINKING}
    message = ask_streamed(claude, **more)[0] if streams else ask(claude, **more)
    assert [block.type for block in message.content] == ["redacted_thinking", "text"]
    again = [*more["messages"], {"role": "assistant", "content": message.content}, *HELLO]
    assert ask(claude, messages=again, thinking=THINKING).content[-1].text == "You said: Hello there!"


def test_structured_output(claude):
    """The text is JSON that fits the schema, whatever the number of chunks."""
    properties = {"name": {"type": "string"}, "age": {"type": "integer"}}
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    more = {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    assert ask(claude, **more).content[0].text == '{"name":"Hello there!","age":1}'
    many, _ = ask_streamed(claude, extra_headers={"X-Dummy-Chunks": "100"}, **more)
    assert many.content[0].text == '{"name":"Hello there!","age":1}'


def test_the_prompt_cache(claude, request):
    """The first request writes what is before the mark, the second reads it; all counts add up to the prompt."""
    system = [{"type": "text", "text": f"You are {request.node.nodeid}.", "cache_control": {"type": "ephemeral"}}]
    first, second = (ask(claude, system=system).usage for _ in range(2))
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 0
    assert first.cache_read_input_tokens == second.cache_creation_input_tokens == 0
    counted = claude.messages.count_tokens(model="c-1", system=system, messages=HELLO).input_tokens
    for usage in (first, second):
        cached = usage.cache_creation_input_tokens + usage.cache_read_input_tokens
        assert usage.input_tokens + cached == counted


def test_pictures(claude):
    """An image and a document are taken, and counted."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    link = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
    message = ask(claude, messages=[{"role": "user", "content": [image, link, {"type": "text", "text": "See?"}]}])
    assert message.content[0].text == "You said: See?"
    assert message.usage.input_tokens == 202


def test_models(claude):
    """The list has Anthropic's form."""
    assert "dummy" in [model.id for model in claude.models.list()]
    assert claude.models.retrieve("dummy").display_name == "dummy"
    with pytest.raises(anthropic.NotFoundError):
        claude.models.retrieve("other")


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (404, "not_found_error", anthropic.NotFoundError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (500, "api_error", anthropic.InternalServerError),
        (529, "overloaded_error", anthropic.APIStatusError),
    ],
)
def test_errors_on_demand(claude, status, kind, error):
    """An error has the status asked for, Anthropic's form, and the time to wait if there are too many requests."""
    with pytest.raises(error) as caught:
        ask(claude, extra_headers={"X-Dummy-Status": str(status)})
    assert caught.value.status_code == status
    assert (caught.value.body["type"], caught.value.body["error"]["type"]) == ("error", kind)
    assert ("retry-after" in caught.value.response.headers) == (status == 429)


def test_an_error_in_a_stream(claude):
    """After the chunks asked for, a stream ends with an error event."""
    headers = {"X-Dummy-Fail-After-Chunks": "2", "X-Dummy-Status": "529"}
    text = []
    with claude.messages.stream(model="c-1", max_tokens=99, messages=HELLO, extra_headers=headers) as stream:  # noqa: SIM117
        with pytest.raises(anthropic.APIStatusError) as caught:
            text += stream.text_stream
    assert text == ["You", " said"]
    assert caught.value.body["error"]["type"] == "overloaded_error"


def test_a_wrong_key(start):
    """A key may be in Anthropic's header."""
    dummy = start(api_keys=["right"])
    url = f"http://127.0.0.1:{dummy.port}"
    with anthropic.Anthropic(base_url=url, api_key="right", max_retries=0) as client:
        assert ask(client).stop_reason == "end_turn"
    with anthropic.Anthropic(base_url=url, api_key="wrong", max_retries=0) as client:  # noqa: SIM117
        with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
            ask(client)
