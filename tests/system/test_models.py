"""Models through the shipped config: the official SDKs at /v1, with no file edited."""

import anthropic
import openai
import pytest

from tests.support.waiting import until
from tests.system.conftest import UP

USER = [{"role": "user", "content": "Hello there!"}]
TOOL = {"type": "function", "function": {"name": "greet", "parameters": {"properties": {"words": {"type": "string"}}}}}


def sdk(appliance, **more):
    return openai.OpenAI(base_url=f"{appliance.url}/v1", api_key="sk-of-a-client", max_retries=0, **more)


def test_openai_with_a_key(appliance):
    """OPENAI_API_KEY makes OpenAI's models available: chat, tools, responses, embeddings, images, audio, the list."""
    appliance.up(*UP, OPENAI_API_KEY="key-of-openai", OPENAI_BASE_URL=f"http://127.0.0.1:{appliance.dummy_port}/v1")
    with sdk(appliance) as client:
        chat = client.chat.completions.create(model="openai/gpt-4o", messages=USER)
        assert (chat.model, chat.choices[0].message.content) == ("gpt-4o", "You said: Hello there!")
        assert client.chat.completions.create(model="gpt-4o-mini", messages=USER).model == "gpt-4o-mini"
        events = list(client.chat.completions.create(model="openai/x", messages=USER, stream=True))
        text = "".join(event.choices[0].delta.content or "" for event in events)
        assert text == "You said: Hello there!"
        assert all(event.usage is None for event in events)
        forced = client.chat.completions.create(model="openai/x", messages=USER, tools=[TOOL], tool_choice="required")
        assert forced.choices[0].message.tool_calls[0].function.name == "greet"
        assert client.responses.create(model="openai/x", input="Hi").output_text == "You said: Hi"
        with client.responses.stream(model="openai/x", input="Hi") as stream:
            assert stream.get_final_response().output_text == "You said: Hi"
        assert len(client.embeddings.create(model="openai/e", input="Hi").data[0].embedding) == 256
        assert client.images.generate(model="openai/i", prompt="A cat").data[0].url.startswith("data:image/png")
        transcript = client.audio.transcriptions.create(model="openai/w", file=("a.wav", b"RIFF"))
        assert transcript.text.startswith("A recording")
        names = {model.id for model in client.models.list()}
        assert {"openai-auto", "dispatcher", "fast-flow", "dummy"} <= names
        assert "gemini-auto" not in names
        assert client.chat.completions.create(model="openai-auto", messages=USER).model == "gpt-4o-mini"
        hard = [{"role": "user", "content": "Please debug this."}]
        assert client.chat.completions.create(model="openai-auto", messages=hard).model == "gpt-4o"
        with pytest.raises(openai.NotFoundError, match="close to it: openai-auto"):
            client.chat.completions.create(model="openai-auta", messages=USER)
        with pytest.raises(openai.RateLimitError, match="asked the dummy for this error"):
            client.chat.completions.create(model="openai/x", messages=USER, extra_headers={"X-Dummy-Status": "429"})
    records = until(lambda: [one for one in appliance.records() if one["request"].get("model") == "openai/gpt-4o"])
    assert records[0]["usage"]["total_tokens"] == chat.usage.total_tokens
    assert "key-of-openai" not in "\n".join(appliance.lines) + str(appliance.records())
    people = [line for line in appliance.lines if not line.startswith("{")]
    assert any("/v1/" in line and "openai, dummy" in line for line in people)
    assert appliance.stop() == 0


def test_without_any_key(appliance):
    """Only the dummy is there, and one line of the log says what is left out; nobody is warned."""
    appliance.up(*UP)
    with sdk(appliance) as client:
        assert client.chat.completions.create(model="dummy", messages=USER).model == "dummy"
        assert [model.id for model in client.models.list()] == ["dummy", "dummy-embedding"]
        with pytest.raises(openai.NotFoundError, match="does not exist, or its provider is not configured"):
            client.chat.completions.create(model="openai/gpt-4o", messages=USER)
    with (
        anthropic.Anthropic(base_url=appliance.url, api_key="x", max_retries=0) as client,
        pytest.raises(anthropic.NotFoundError, match="not configured"),
    ):
        client.messages.create(model="claude-any", max_tokens=9, messages=USER)
    (line,) = appliance.find("left out, for variables are not set", service="gl")
    assert "provider openai (OPENAI_API_KEY is not set)" in line["entries"]
    assert not [one for one in appliance.entries() if one["level"] == "WARN" and "provider" in str(one)]
    assert appliance.stop() == 0
