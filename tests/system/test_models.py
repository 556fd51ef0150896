"""Models through the shipped config: the official SDKs at /v1, with no file edited."""

import anthropic
import pytest

from tests.support.sdk_calls import USER, sdk, use_a_provider, use_the_dummy_alone
from tests.support.waiting import until
from tests.system.conftest import UP


def test_openai_with_a_key(appliance):
    """OPENAI_API_KEY makes OpenAI's models available: chat, tools, responses, embeddings, images, audio, the list."""
    appliance.up(*UP, OPENAI_API_KEY="key-of-openai", OPENAI_BASE_URL=f"http://127.0.0.1:{appliance.dummy_port}/v1")
    with sdk(f"{appliance.url}/v1") as client:
        chat = use_a_provider(client)
    records = until(lambda: [one for one in appliance.records() if one["request"].get("model") == "openai/gpt-4o"])
    assert records[0]["usage"]["total_tokens"] == chat.usage.total_tokens
    assert "key-of-openai" not in "\n".join(appliance.lines) + str(appliance.records())
    people = [line for line in appliance.lines if not line.startswith("{")]
    assert any("/v1/" in line and "openai, dummy" in line for line in people)
    assert appliance.stop() == 0


def test_without_any_key(appliance):
    """Only the dummy is there, and one line of the log says what is left out; nobody is warned."""
    appliance.up(*UP)
    with sdk(f"{appliance.url}/v1") as client:
        use_the_dummy_alone(client)
    with (
        anthropic.Anthropic(base_url=appliance.url, api_key="x", max_retries=0) as client,
        pytest.raises(anthropic.NotFoundError, match="not configured"),
    ):
        client.messages.create(model="claude-any", max_tokens=9, messages=USER)
    (line,) = appliance.find("left out, because their variables are not set", service="gl")
    assert "provider openai (OPENAI_API_KEY is not set)" in line["entries"]
    assert not [one for one in appliance.entries() if one["level"] == "WARN" and "provider" in str(one)]
    assert appliance.stop() == 0
