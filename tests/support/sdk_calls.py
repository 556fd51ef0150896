"""Calls of the openai SDK to a gateway in front of the dummy: python -m tests.support.sdk_calls URL [--without-key]."""

import sys

import openai
import pytest

USER = [{"role": "user", "content": "Hello there!"}]
TOOL = {"type": "function", "function": {"name": "greet", "parameters": {"properties": {"words": {"type": "string"}}}}}
SAID = "You said: Hello there!"


def sdk(url):
    """A client with a key that only it knows."""
    return openai.OpenAI(base_url=url, api_key="sk-of-a-client", max_retries=0)


def use_a_provider(client):
    """Everything that people call, of a provider `openai` that has a key. Returns a chat completion."""
    chat = client.chat.completions.create(model="openai/gpt-4o", messages=USER)
    assert (chat.model, chat.choices[0].message.content) == ("gpt-4o", SAID)
    assert client.chat.completions.create(model="gpt-4o-mini", messages=USER).model == "gpt-4o-mini"
    events = list(client.chat.completions.create(model="openai/x", messages=USER, stream=True))
    assert "".join(event.choices[0].delta.content or "" for event in events) == SAID
    assert all(event.usage is None for event in events)
    forced = client.chat.completions.create(model="openai/x", messages=USER, tools=[TOOL], tool_choice="required")
    assert forced.choices[0].message.tool_calls[0].function.name == "greet"
    assert client.responses.create(model="openai/x", input="Hi").output_text == "You said: Hi"
    with client.responses.stream(model="openai/x", input="Hi") as stream:
        assert stream.get_final_response().output_text == "You said: Hi"
    assert len(client.embeddings.create(model="openai/e", input="Hi").data[0].embedding) == 256
    assert client.images.generate(model="openai/i", prompt="A cat").data[0].url.startswith("data:image/png")
    assert client.audio.transcriptions.create(model="openai/w", file=("a.wav", b"RIFF")).text.startswith("A recording")
    names = {model.id for model in client.models.list()}
    assert {"openai-auto", "dispatcher", "fast-flow", "dummy"} <= names
    assert "gemini-auto" not in names
    assert client.models.retrieve("openai-auto").owned_by == "gecholog"
    assert client.models.retrieve("openai/gpt-4o").owned_by == "openai"
    assert client.chat.completions.create(model="openai-auto", messages=USER).model == "gpt-4o-mini"
    hard = [{"role": "user", "content": "Please debug this."}]
    assert client.chat.completions.create(model="openai-auto", messages=hard).model == "gpt-4o"
    with pytest.raises(openai.NotFoundError, match="close to it: openai-auto"):
        client.chat.completions.create(model="openai-auta", messages=USER)
    with pytest.raises(openai.RateLimitError, match="asked the dummy for this error"):
        client.chat.completions.create(model="openai/x", messages=USER, extra_headers={"X-Dummy-Status": "429"})
    return chat


def use_the_dummy_alone(client):
    """What is there without any key."""
    assert client.chat.completions.create(model="dummy", messages=USER).model == "dummy"
    assert [model.id for model in client.models.list()] == ["dummy", "dummy-embedding"]
    with pytest.raises(openai.NotFoundError, match="there is no provider openai, or its key is not set"):
        client.chat.completions.create(model="openai/gpt-4o", messages=USER)


def main(url, *options):
    """Make the calls; an AssertionError tells which one was wrong."""
    with sdk(url) as client:
        (use_the_dummy_alone if options else use_a_provider)(client)
    sys.stdout.write("all calls are right\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
