"""Which dialect a client of an endpoint speaks, and which a provider does for a model. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.translate_whole import EMBEDDING_DIALECTS, IMAGE_DIALECTS
from services.gl.models import profile as profiles
from services.gl.models.endpoint import COUNT_TOKENS, Endpoint, has
from services.gl.models.provider import Dialect, Provider
from services.gl.models.vertex import Publisher

if TYPE_CHECKING:
    from gecholog.llm.chat_dialect import ChatDialect

_OF_ENDPOINT = {
    profiles.CHAT: "openai_chat",
    profiles.MESSAGES: "anthropic",
    COUNT_TOKENS: "anthropic",
    profiles.RESPONSES: "openai_responses",
}
_OF_PROVIDER = {
    Dialect.OPENAI: "openai_chat",
    Dialect.AZURE: "openai_chat",
    Dialect.DUMMY: "openai_chat",
    Dialect.ANTHROPIC: "anthropic",
    Dialect.GEMINI: "gemini",
    Dialect.OLLAMA: "ollama",
    Dialect.BEDROCK: "bedrock_converse",
    Dialect.COHERE: "cohere",
}
_OF_PUBLISHER = {Publisher.GOOGLE: "gemini", Publisher.ANTHROPIC: "anthropic_vertex"}
# Endpoints that are no chats, and the dialects that their requests can be translated into.
_WHOLE = {profiles.EMBEDDINGS: EMBEDDING_DIALECTS, profiles.IMAGES: IMAGE_DIALECTS}


def dialect_name(provider: Provider, model: str, path: str = profiles.CHAT) -> str:
    """The name of the dialect that a provider speaks for a model at an endpoint, as `gecholog.llm` has it.

    It is empty if it has none.
    """
    publisher = provider.publisher(model)
    if publisher is None:
        return _OF_PROVIDER.get(provider.dialect, "")
    is_embedding = path == profiles.EMBEDDINGS and publisher is Publisher.GOOGLE
    return "vertex" if is_embedding else _OF_PUBLISHER[publisher]


def client_dialect(endpoint: Endpoint) -> ChatDialect | None:
    """The dialect of an endpoint's clients; None if it is no endpoint for chats."""
    found = CHAT_DIALECTS.get(_OF_ENDPOINT.get(endpoint.path, ""))
    return found if found is not None and found.read_request is not None else None


def provider_dialect(provider: Provider, model: str) -> ChatDialect | None:
    """The chat dialect of a provider for a model; None if it cannot be translated."""
    return CHAT_DIALECTS.get(dialect_name(provider, model))


def is_translated(provider: Provider, endpoint: Endpoint, model: str) -> bool:
    """Whether a provider takes the requests of an endpoint only in another dialect than the client's."""
    if has(provider, endpoint, model):
        return False
    if endpoint.path in _WHOLE:
        return dialect_name(provider, model, endpoint.path) in _WHOLE[endpoint.path]
    return client_dialect(endpoint) is not None and provider_dialect(provider, model) is not None


def api_profile(provider: Provider) -> str:
    """The name of the API among those that speak OpenAI's dialect."""
    return "azure" if provider.dialect is Dialect.AZURE else provider.profile.name
