"""Which chat dialect a client of an endpoint speaks, and which a provider does. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog.llm.dialects.chat_table import CHAT_DIALECTS
from gecholog.llm.translate_whole import EMBEDDING_DIALECTS, IMAGE_DIALECTS
from services.gl.models import profile as profiles
from services.gl.models.endpoint import COUNT_TOKENS, Endpoint, has
from services.gl.models.provider import Dialect, Provider

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


# Endpoints that are no chats, and the dialects that their requests can be translated into.
_WHOLE = {profiles.EMBEDDINGS: EMBEDDING_DIALECTS, profiles.IMAGES: IMAGE_DIALECTS}


def dialect_name(provider: Provider) -> str:
    """The name of the dialect that a provider speaks, as `gecholog.llm` has it; empty if it has none."""
    return _OF_PROVIDER.get(provider.dialect, "")


def client_dialect(endpoint: Endpoint) -> ChatDialect | None:
    """The dialect of an endpoint's clients; None if it is no endpoint for chats."""
    found = CHAT_DIALECTS.get(_OF_ENDPOINT.get(endpoint.path, ""))
    return found if found is not None and found.read_request is not None else None


def provider_dialect(provider: Provider) -> ChatDialect | None:
    """The chat dialect of a provider; None if it cannot be translated."""
    return CHAT_DIALECTS.get(dialect_name(provider))


def is_translated(provider: Provider, endpoint: Endpoint) -> bool:
    """Whether a provider takes the requests of an endpoint only in another dialect than the client's."""
    if has(provider, endpoint):
        return False
    if endpoint.path in _WHOLE:
        return dialect_name(provider) in _WHOLE[endpoint.path]
    return client_dialect(endpoint) is not None and provider_dialect(provider) is not None


def api_profile(provider: Provider) -> str:
    """The name of the API among those that speak OpenAI's dialect."""
    return "azure" if provider.dialect is Dialect.AZURE else provider.profile.name
