"""Which dialect an endpoint's clients speak, and which a provider does."""

import pytest

from services.gl.models.dialects import api_profile, client_dialect, dialect_name, is_translated, provider_dialect
from services.gl.models.endpoint import endpoint_of
from services.gl.models.provider import provider_of

PROVIDERS = {
    dialect: provider_of({"name": "any", "dialect": dialect, "url": "https://api.example"})
    for dialect in ("openai", "azure", "anthropic", "gemini", "ollama", "cohere", "dummy")
}


@pytest.mark.parametrize(
    ("path", "translated"),
    [
        ("chat/completions", {"anthropic", "gemini", "ollama", "cohere"}),
        ("messages", {"openai", "azure", "gemini", "ollama", "cohere", "dummy"}),
        ("messages/count_tokens", {"openai", "azure", "gemini", "ollama", "cohere", "dummy"}),
        ("responses", {"anthropic", "gemini", "ollama", "cohere"}),
        ("embeddings", {"gemini", "ollama", "cohere"}),
        ("moderations", set()),
    ],
)
def test_what_is_translated(path, translated):
    """Chats and embeddings are, where the provider does not speak the client's dialect but one that is known."""
    endpoint = endpoint_of("POST", path)
    assert endpoint is not None
    assert {name for name, provider in PROVIDERS.items() if is_translated(provider, endpoint, "any")} == translated


def test_responses_where_a_clone_of_openai_has_none():
    """They become chat completions."""
    provider = provider_of({"name": "any", "dialect": "openai", "profile": "mistral", "url": "https://api.mistral.ai"})
    endpoint = endpoint_of("POST", "responses")
    assert endpoint is not None
    assert is_translated(provider, endpoint, "any")
    assert api_profile(provider) == "mistral"


def test_names():
    """Azure is a variant of OpenAI's dialect."""
    endpoint = endpoint_of("POST", "messages")
    assert endpoint is not None
    assert getattr(client_dialect(endpoint), "name", None) == "anthropic"
    assert getattr(provider_dialect(PROVIDERS["azure"], "any"), "name", None) == "openai_chat"
    assert getattr(provider_dialect(PROVIDERS["cohere"], "any"), "name", None) == "cohere"
    assert api_profile(PROVIDERS["azure"]) == "azure"


@pytest.mark.parametrize(
    ("path", "gemini", "claude"),
    [
        ("chat/completions", "gemini", "anthropic_vertex"),
        ("responses", "gemini", "anthropic_vertex"),
        ("messages", "gemini", None),
        ("messages/count_tokens", "gemini", None),
        ("embeddings", "vertex", None),
        ("images/generations", "gemini", None),
    ],
)
def test_vertex_speaks_the_dialect_of_the_models_publisher(path, gemini, claude):
    """Claude takes Anthropic's requests as they are, and neither embeds texts nor makes images."""
    vertex = provider_of({"name": "v", "dialect": "vertex", "project": "p"})
    endpoint = endpoint_of("POST", path)
    assert endpoint is not None
    for model, wanted in (("gemini-2.5-flash", gemini), ("claude-sonnet-4-5@20250929", claude)):
        translated = is_translated(vertex, endpoint, model)
        assert (dialect_name(vertex, model, path) if translated else None) == wanted
