"""Where a provider's endpoints are, and the headers that it wants."""

import pytest

from services.gl.models.address import Address, address, headers, translated_address, usual_headers
from services.gl.models.provider import provider_of

CHAT = "chat/completions"
DATED = (("api-version", "2024-10-21"),)


def provider(**entry):
    return provider_of({"name": "p", "api_key": "secret", **entry})


@pytest.mark.parametrize(
    ("entry", "path", "wanted"),
    [
        (
            {"dialect": "openai", "profile": "openai"},
            "chat/completions",
            ("https://api.openai.com/v1", "/chat/completions"),
        ),
        ({"dialect": "openai", "profile": "groq"}, "models", ("https://api.groq.com/openai/v1", "/models")),
        ({"dialect": "openai", "url": "http://h:8000/v1/"}, "embeddings", ("http://h:8000/v1", "/embeddings")),
        ({"dialect": "anthropic"}, "messages", ("https://api.anthropic.com", "/v1/messages")),
        ({"dialect": "anthropic", "url": "http://h/v1"}, "messages", ("http://h/v1", "/messages")),
        ({"dialect": "azure", "url": "http://a"}, "chat/completions", ("http://a", "/openai/v1/chat/completions")),
        ({"dialect": "azure", "url": "http://a/openai/v1/"}, "responses", ("http://a/openai/v1", "/responses")),
    ],
)
def test_address(entry, path, wanted):
    """The url of the provider and the path below it."""
    made = provider(**entry)
    assert (made.url, address(made, path, "m")) == (wanted[0], Address(wanted[1]))


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("chat/completions", Address("/openai/deployments/my%2Fgpt%204/chat/completions", DATED)),
        ("audio/speech", Address("/openai/deployments/my%2Fgpt%204/audio/speech", DATED)),
        ("files", Address("/openai/files", DATED)),
        ("responses", Address("/openai/v1/responses")),
    ],
)
def test_azure_with_a_dated_version(path, wanted):
    """The deployment is in the path, and cannot lead out of it."""
    made = provider(dialect="azure", url="http://a", api_version="2024-10-21")
    assert address(made, path, "my/gpt 4") == wanted


@pytest.mark.parametrize(
    ("dialect", "wanted"),
    [
        ("openai", {"Authorization": ["Bearer secret"]}),
        ("azure", {"Api-Key": ["secret"]}),
        ("anthropic", {"X-Api-Key": ["secret"]}),
        ("gemini", {"X-Goog-Api-Key": ["secret"]}),
        ("ollama", {"Authorization": ["Bearer secret"]}),
    ],
)
def test_headers(dialect, wanted):
    """The key in the header that the dialect wants, and what the config adds, which may take its place."""
    assert headers(provider(dialect=dialect)) == wanted
    assert headers(provider(dialect=dialect, headers={"x-extra": ["yes"]})) == wanted | {"X-Extra": ["yes"]}
    (name,) = wanted
    assert headers(provider(dialect=dialect, headers={name.lower(): ["own"]})) == {name: ["own"]}
    assert headers(provider_of({"name": "p", "dialect": dialect})) == {}


def test_usual_headers():
    """Anthropic wants a version; a client's own is not replaced."""
    assert usual_headers(provider(dialect="anthropic")) == {"Anthropic-Version": ["2023-06-01"]}
    assert usual_headers(provider(dialect="openai")) == {}


@pytest.mark.parametrize(
    ("entry", "model", "path"),
    [
        ({"dialect": "anthropic", "url": "https://a.example"}, "m", "/v1/messages"),
        ({"dialect": "openai", "url": "https://a.example/v1"}, "m", "/chat/completions"),
        ({"dialect": "gemini", "url": "https://a.example"}, "a b", "/v1beta/models/a%20b:generateContent"),
        ({"dialect": "gemini", "url": "https://a.example/v1"}, "tunedModels/x", "/tunedModels/x:generateContent"),
        ({"dialect": "gemini", "url": "https://a.example/v1"}, "models/x", "/models/x:generateContent"),
        ({"dialect": "gemini", "url": "https://a.example/v1"}, "../x/y?z", "/models/..%2Fx%2Fy%3Fz:generateContent"),
        ({"dialect": "gemini", "url": "https://a.example/v1"}, "models/../x", "/models/..%2Fx:generateContent"),
        ({"dialect": "ollama", "url": "http://a.example"}, "m:8b", "/api/chat"),
        ({"dialect": "ollama", "url": "http://a.example/api"}, "m:8b", "/chat"),
        ({"dialect": "cohere"}, "command-a", "/v2/chat"),
        ({"dialect": "cohere", "url": "http://a.example/v2"}, "command-a", "/chat"),
    ],
)
def test_where_chats_go(entry, model, path):
    """Each provider has its own place for them."""
    assert translated_address(provider_of({"name": "any", **entry}), CHAT, model, is_streamed=False) == Address(path)


def test_where_streams_of_gemini_are():
    """They have a place of their own, and are asked for as server-sent events."""
    provider = provider_of({"name": "any", "dialect": "gemini"})
    found = translated_address(provider, CHAT, "m", is_streamed=True)
    assert found == Address("/v1beta/models/m:streamGenerateContent", (("alt", "sse"),))
