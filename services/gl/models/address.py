"""The addresses of a provider's endpoints, and the headers that it requires. Pure."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from gecholog.headers import Headers
from services.gl.models import profile as profiles
from services.gl.models.endpoint import COUNT_TOKENS
from services.gl.models.provider import Dialect, Provider
from services.gl.models.vertex import Publisher, VertexPlace, publisher_of

ANTHROPIC_VERSION = "2023-06-01"

# Headers in which clients send credentials. The client's never go to a provider: they are the gateway's, if anybody's.
CREDENTIALS = frozenset(
    {"Api-Key", "Authorization", "Cookie", "Ocp-Apim-Subscription-Key", "X-Api-Key", "X-Goog-Api-Key"}
)
# Headers that say who pays for a request with a key: that is not for the client to choose.
# https://platform.openai.com/docs/api-reference/authentication, https://cloud.google.com/apis/docs/system-parameters
PAYERS = frozenset({"Openai-Organization", "Openai-Project", "X-Goog-User-Project"})
# Headers that a config may add to requests, and that hold no key.
_NO_SECRETS = PAYERS | {"Accept", "Anthropic-Beta", "Anthropic-Version", "Content-Type", "Openai-Beta", "User-Agent"}
# Parameters of the query in which clients send credentials, in lower case.
CREDENTIAL_PARAMETERS = frozenset({"access_token", "api-key", "api_key", "apikey", "key", "subscription-key", "token"})

# Azure's endpoints that have the deployment in their path, where the API has a dated version.
# https://learn.microsoft.com/azure/ai-services/openai/reference
_OF_DEPLOYMENT = frozenset(
    {
        profiles.CHAT,
        profiles.COMPLETIONS,
        profiles.EMBEDDINGS,
        profiles.IMAGES,
        "images/edits",
        profiles.SPEECH,
        profiles.TRANSCRIPTIONS,
        profiles.TRANSLATIONS,
    }
)
_AZURE_V1 = "/openai/v1"
_GEMINI_VERSIONS = ("/v1", "/v1beta", "/v1alpha")
_GEMINI_KINDS = frozenset({"models", "tunedModels"})
# Google's own SDKs use these versions of Vertex AI; the stable one of Gemini lacks some fields.
_VERTEX_VERSIONS = {Publisher.GOOGLE: "/v1beta1", Publisher.ANTHROPIC: "/v1"}
_TUNED = "endpoints/"


class Address(NamedTuple):
    """The percent-encoded path below a provider's URL, and the required parameters of the query."""

    path: str
    query: tuple[tuple[str, str], ...] = ()


def address(provider: Provider, path: str, model: str, *, is_streamed: bool = False) -> Address:
    """Where the provider has an endpoint of its own dialect. `path` is the endpoint's, without slashes around it.

    `is_streamed` says whether the request asks for a stream, which some paths tell.
    """
    match provider.dialect:
        case Dialect.VERTEX if path == COUNT_TOKENS:
            return _vertex(provider, "count-tokens", "rawPredict", Publisher.ANTHROPIC)
        case Dialect.VERTEX:
            return _vertex(provider, model, "streamRawPredict" if is_streamed else "rawPredict")
        case Dialect.AZURE:
            return _azure(provider, path, model)
        case Dialect.ANTHROPIC:
            version = "" if provider.url.endswith("/v1") else "/v1"
            return Address(f"{version}/{path}")
        case _:
            return Address(f"/{path}")


def translated_address(provider: Provider, path: str, model: str, *, is_streamed: bool, method: str = "") -> Address:
    """Where a provider takes the requests of an endpoint in its own dialect. Chats are the rest.

    `method` is that of Vertex for embeddings.
    """
    if path == profiles.EMBEDDINGS:
        return _embeddings(provider, model, method)
    if path == profiles.IMAGES:
        return _google(provider, model, "predict")
    return _chat(provider, model, is_streamed=is_streamed)


def _chat(provider: Provider, model: str, *, is_streamed: bool) -> Address:
    match provider.dialect:
        case Dialect.ANTHROPIC | Dialect.VERTEX if provider.publisher(model) is not Publisher.GOOGLE:
            return address(provider, profiles.MESSAGES, model, is_streamed=is_streamed)
        case Dialect.GEMINI | Dialect.VERTEX:
            method = "streamGenerateContent" if is_streamed else "generateContent"
            return _google(provider, model, method)._replace(query=(("alt", "sse"),) if is_streamed else ())
        case Dialect.OLLAMA:
            return _ollama(provider, "chat")
        case Dialect.COHERE:
            return _cohere(provider, "chat")
        case Dialect.BEDROCK:
            return Address(f"/model/{quote(model, safe='')}/{'converse-stream' if is_streamed else 'converse'}")
        case _:
            return address(provider, profiles.CHAT, model)


def _embeddings(provider: Provider, model: str, method: str) -> Address:
    match provider.dialect:
        case Dialect.VERTEX:
            return _vertex(provider, model, method)
        case Dialect.GEMINI:
            return _gemini(provider, model, "batchEmbedContents")
        case Dialect.COHERE:
            return _cohere(provider, "embed")
        case _:
            return _ollama(provider, "embed")


def _cohere(provider: Provider, name: str) -> Address:
    """https://docs.cohere.com/reference/chat, https://docs.cohere.com/reference/embed."""
    return Address(f"/{name}" if provider.url.endswith("/v2") else f"/v2/{name}")


def _ollama(provider: Provider, name: str) -> Address:
    return Address(f"/{name}" if provider.url.endswith("/api") else f"/api/{name}")


def _google(provider: Provider, model: str, method: str) -> Address:
    """Where Google has a method of a model: at Gemini's API, or at Vertex."""
    return (_vertex if provider.dialect is Dialect.VERTEX else _gemini)(provider, model, method)


def _vertex(provider: Provider, model: str, method: str, publisher: Publisher | None = None) -> Address:
    """https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference.

    Tuned models say where they are: `endpoints/ID`. `publisher` is that of the model unless it is given.
    """
    publisher = publisher or publisher_of(model)
    version = "" if provider.url.endswith(tuple(_VERTEX_VERSIONS.values())) else _VERTEX_VERSIONS[publisher]
    before = f"{version}{(provider.vertex or VertexPlace()).path}"
    if model.startswith(_TUNED):
        return Address(f"{before}/{_TUNED}{quote(model.removeprefix(_TUNED), safe='')}:{method}")
    return Address(f"{before}/publishers/{publisher.value}/models/{quote(model, safe='@')}:{method}")


def _gemini(provider: Provider, model: str, method: str) -> Address:
    """https://ai.google.dev/api/generate-content. Tuned models say where they are: `tunedModels/NAME`."""
    version = "" if provider.url.endswith(_GEMINI_VERSIONS) else "/v1beta"
    kind, slash, name = model.partition("/")
    if not slash or kind not in _GEMINI_KINDS:
        kind, name = "models", model
    return Address(f"{version}/{kind}/{quote(name, safe='')}:{method}")


def _azure(provider: Provider, path: str, model: str) -> Address:
    """Version 1 of Azure's API is OpenAI's; those before have a date, and the deployment in the path.

    Responses are only in version 1. https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
    """
    if provider.url.endswith(_AZURE_V1):
        return Address(f"/{path}")
    if provider.api_version in {"", "v1"} or path.split("/", maxsplit=1)[0] == profiles.RESPONSES:
        return Address(f"{_AZURE_V1}/{path}")
    place = f"/openai/deployments/{quote(model, safe='')}" if path in _OF_DEPLOYMENT else "/openai"
    return Address(f"{place}/{path}", (("api-version", provider.api_version),))


def headers(provider: Provider) -> Headers:
    """The headers that go with every request: the key, and what the config adds."""
    return _key(provider) | provider.headers


def _key(provider: Provider) -> Headers:
    if not provider.api_key:
        return {}
    match provider.dialect:
        case Dialect.AZURE:
            return {"Api-Key": [provider.api_key]}
        case Dialect.ANTHROPIC:
            return {"X-Api-Key": [provider.api_key]}
        case Dialect.GEMINI | Dialect.VERTEX:
            return {"X-Goog-Api-Key": [provider.api_key]}
        case _:
            return {"Authorization": [f"Bearer {provider.api_key}"]}


def secret_headers(provider: Provider) -> frozenset[str]:
    """The names of headers with which the provider may get a secret: keys, tokens, and what the config adds."""
    return frozenset({"Authorization", *_key(provider), *provider.headers}) - _NO_SECRETS


def usual_headers(provider: Provider) -> Headers:
    """Headers for requests whose clients did not set them."""
    return {"Anthropic-Version": [ANTHROPIC_VERSION]} if provider.dialect is Dialect.ANTHROPIC else {}
