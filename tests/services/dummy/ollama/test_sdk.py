"""Ollama's official client against the dummy: chat, completion, tools, thinking, structured output, errors."""

import json

import ollama
import pytest

from tests.support.waiting import DEADLINE

HELLO = [{"role": "user", "content": "Hello there!"}]


def function(name, **properties):
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "function": {"name": name, "description": "A tool.", "parameters": parameters}}


TOOLS = [function("get_weather", place={"type": "string"}), function("get_time")]


@pytest.fixture
def llama(dummy):
    return ollama.Client(f"http://127.0.0.1:{dummy.port}", timeout=DEADLINE)


def ask(llama, **more):
    return llama.chat(**{"model": "o-1", "messages": HELLO} | more)


def ask_streamed(llama, **more):
    """The last part of a stream, with what all of them say."""
    parts = list(ask(llama, stream=True, **more))
    last = parts[-1]
    last.message.content = "".join(part.message.content for part in parts)
    last.message.thinking = "".join(part.message.thinking or "" for part in parts) or None
    last.message.tool_calls = [call for part in parts for call in part.message.tool_calls or ()] or None
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    return last


def test_chat(llama):
    """The user's words come back, with the right counts."""
    answer = ask(llama)
    assert (answer.model, answer.message.content, answer.done_reason) == ("o-1", "You said: Hello there!", "stop")
    assert (answer.prompt_eval_count, answer.eval_count) == (3, 6)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"options": {"num_predict": 3}},
        {"options": {"stop": ["there"]}},
        {"think": True},
        {"think": "low"},
        {"format": "json"},
        {"tools": TOOLS, "messages": [{"role": "user", "content": "get_time and get_weather"}], "think": True},
    ],
)
def test_a_stream_is_the_same(llama, more):
    """Streamed or not, an answer says the same, and counts the same."""
    plain, streamed = ask(llama, **more), ask_streamed(llama, **more)
    assert streamed.message == plain.message
    assert (streamed.done_reason, streamed.eval_count) == (plain.done_reason, plain.eval_count)


def test_the_end(llama):
    """A limit shows in the reason."""
    assert ask(llama, options={"num_predict": 3}).done_reason == "length"
    assert ask(llama, options={"num_predict": -1}).done_reason == "stop"


@pytest.mark.parametrize("streams", [True, False])
def test_a_loop_with_tools(llama, streams):
    """Both tools are called at once, and their results become a text."""

    def next_turn(messages):
        return (ask_streamed if streams else ask)(llama, messages=messages, tools=TOOLS, think=True).message

    messages = [{"role": "user", "content": "Use get_weather and get_time."}]
    first = next_turn(messages)
    assert first.thinking.startswith("Thinking about")
    assert [call.function.name for call in first.tool_calls] == ["get_weather", "get_time"]
    assert first.tool_calls[0].function.arguments == {"place": "Use get_weather and get_time."}
    messages.append(first)
    messages += [{"role": "tool", "tool_name": call.function.name, "content": "fine"} for call in first.tool_calls]
    second = next_turn(messages)
    assert second.content == "The tools said: fine; fine"
    assert next_turn([*messages, second, {"role": "user", "content": "Thanks!"}]).content == "You said: Thanks!"


def test_structured_output(llama):
    """The text is JSON that fits the schema."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "old": {"type": "boolean"}}}
    assert json.loads(ask(llama, format=schema).message.content) == {"name": "Hello there!", "old": True}


@pytest.mark.parametrize("streams", [True, False])
def test_generate(llama, streams):
    """The older way: a prompt, and its completion."""
    made = llama.generate(model="o-1", prompt="Hello there!", stream=streams, think=True)
    text = "".join(part.response for part in made) if streams else made.response
    assert text == "You said: Hello there!"


def test_embeddings_and_lists(llama):
    """Texts have vectors; the models are listed."""
    made = llama.embed(model="o-1", input=["Hello", "there!"], dimensions=16)
    assert ([len(one) for one in made.embeddings], made.prompt_eval_count) == ([16, 16], 3)
    assert "dummy:latest" in [model.model for model in llama.list().models]


@pytest.mark.parametrize("streams", [True, False])
def test_errors_on_demand(llama, dummy, streams):
    """An error has the status asked for, and a text."""
    client = ollama.Client(f"http://127.0.0.1:{dummy.port}", headers={"X-Dummy-Status": "503"})
    with pytest.raises(ollama.ResponseError) as caught:
        list(ask(client, stream=streams))
    assert caught.value.status_code == 503
    assert "error" in caught.value.error


def test_an_error_in_a_stream(dummy):
    """After the chunks asked for, a stream ends with an error."""
    client = ollama.Client(f"http://127.0.0.1:{dummy.port}", headers={"X-Dummy-Fail-After-Chunks": "2"})
    text = []
    with pytest.raises(ollama.ResponseError):
        text.extend(part.message.content for part in ask(client, stream=True))
    assert text == ["You", " said"]
