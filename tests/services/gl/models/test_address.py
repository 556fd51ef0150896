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


VERTEX = {"dialect": "vertex", "project": "p-1", "location": "europe-west4"}
PLACE = "/projects/p-1/locations/europe-west4"
CLAUDE = "claude-haiku-4-5@20251001"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("", "https://aiplatform.googleapis.com"),
        ("global", "https://aiplatform.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        ("europe-west4", "https://europe-west4-aiplatform.googleapis.com"),
    ],
)
def test_where_the_locations_of_vertex_are(location, url):
    """https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations."""
    assert provider(dialect="vertex", project="p", location=location).url == url
    assert provider(dialect="vertex", project="p", location=location, url="http://own").url == "http://own"


@pytest.mark.parametrize(
    ("model", "is_streamed", "path"),
    [
        ("gemini-2.5-pro", False, f"/v1beta1{PLACE}/publishers/google/models/gemini-2.5-pro:generateContent"),
        ("gemini-2.5-pro", True, f"/v1beta1{PLACE}/publishers/google/models/gemini-2.5-pro:streamGenerateContent"),
        (CLAUDE, False, f"/v1{PLACE}/publishers/anthropic/models/{CLAUDE}:rawPredict"),
        (CLAUDE, True, f"/v1{PLACE}/publishers/anthropic/models/{CLAUDE}:streamRawPredict"),
        ("endpoints/42", False, f"/v1beta1{PLACE}/endpoints/42:generateContent"),
        ("../x?y", False, f"/v1beta1{PLACE}/publishers/google/models/..%2Fx%3Fy:generateContent"),
        ("endpoints/../x", False, f"/v1beta1{PLACE}/endpoints/..%2Fx:generateContent"),
    ],
)
def test_where_chats_of_vertex_go(model, is_streamed, path):
    """To the publisher of the model."""
    found = translated_address(provider(**VERTEX), CHAT, model, is_streamed=is_streamed)
    is_sse = is_streamed and model.startswith("gemini")
    assert found == Address(path, (("alt", "sse"),) if is_sse else ())


def test_where_the_rest_of_vertex_goes():
    """Requests of Anthropic's own API, embeddings, images, and a version or an API key in place of the usual."""
    vertex, google = provider(**VERTEX), f"{PLACE}/publishers/google/models"
    anthropic = f"/v1{PLACE}/publishers/anthropic/models"
    assert address(vertex, "messages", CLAUDE) == Address(f"{anthropic}/{CLAUDE}:rawPredict")
    assert address(vertex, "messages", CLAUDE, is_streamed=True) == Address(f"{anthropic}/{CLAUDE}:streamRawPredict")
    assert address(vertex, "messages/count_tokens", CLAUDE) == Address(f"{anthropic}/count-tokens:rawPredict")
    embedded = translated_address(vertex, "embeddings", "m", is_streamed=False, method="embedContent")
    assert embedded == Address(f"/v1beta1{google}/m:embedContent")
    drawn = translated_address(vertex, "images/generations", "imagen-4", is_streamed=False)
    assert drawn == Address(f"/v1beta1{google}/imagen-4:predict")
    versioned = provider(**VERTEX, url="http://own/v1")
    assert translated_address(versioned, CHAT, "m", is_streamed=False) == Address(f"{google}/m:generateContent")
    keyed = provider(dialect="vertex")
    assert translated_address(keyed, CHAT, "m", is_streamed=False).path == (
        "/v1beta1/publishers/google/models/m:generateContent"
    )
    assert headers(keyed) == {"X-Goog-Api-Key": ["secret"]}
