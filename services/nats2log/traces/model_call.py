"""What the span of an attempt tells about the call of a model: provider, operation, parameters, tokens. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from services.nats2log.traces import semantics
from services.nats2log.traces.fields import Fields, fields, integer, number, objects, text
from services.nats2log.traces.span import Attribute

Attributes = dict[str, Attribute]

# The end of the path, or the method in it, and the operation; the first one that fits counts.
_OPERATIONS = (
    (("/embeddings", "/embed", ":embedContent", ":batchEmbedContents"), semantics.EMBEDDINGS),
    ((":generateContent", ":streamGenerateContent"), semantics.GENERATE_CONTENT),
    (("/chat/completions", "/messages", "/responses", "/chat", "/converse", "/converse-stream"), semantics.CHAT),
    (("/completions", "/generate"), semantics.TEXT_COMPLETION),
)
_TOKENS = {
    "prompt_tokens": semantics.INPUT_TOKENS,
    "completion_tokens": semantics.OUTPUT_TOKENS,
    "cached_tokens": semantics.CACHE_READ_TOKENS,
    "cache_creation_tokens": semantics.CACHE_CREATION_TOKENS,
    "reasoning_tokens": semantics.REASONING_TOKENS,
}
_MAX_TOKENS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


class Target(NamedTuple):
    """Where an attempt went: the URL as the record has it, and the provider of the config, if it has one."""

    url: str
    provider: str = ""

    @property
    def parts(self) -> SplitResult | None:
        """The parts of the URL; None if it is not valid."""
        try:
            parts = urlsplit(self.url)
            _ = parts.port  # raises for an invalid one
        except ValueError:
            return None
        return parts


def operation_of(path: str) -> str:
    """The operation by the path of an API; empty if it has no name."""
    plain = path.rstrip("/")
    return next((name for endings, name in _OPERATIONS if plain.endswith(endings)), "")


def provider_of(target: Target) -> str:
    """The provider as the conventions call it; else as the config does; empty if neither is known."""
    host = (target.parts.hostname or "") if target.parts is not None else ""
    for known, name in semantics.PROVIDERS_BY_HOST.items():
        if host == known or (host.endswith(known) and (known[0] == "." or host.endswith(f"-{known}"))):
            return name
    return semantics.PROVIDERS_BY_NAME.get(target.provider, target.provider)


def server(target: Target) -> Attributes:
    """The address of the upstream."""
    if target.parts is None or not target.parts.hostname:
        return {}
    parts = target.parts
    return {
        semantics.SERVER_ADDRESS: parts.hostname or "",
        semantics.SERVER_PORT: parts.port or (443 if parts.scheme == "https" else 80),
    }


def model_attributes(target: Target, model: str) -> Attributes:
    """Operation, provider and model of a request; none of them if it does not call a model."""
    operation = operation_of(target.parts.path if target.parts is not None else "")
    if not operation:
        return {}
    provider = provider_of(target)
    found: Attributes = {semantics.OPERATION: operation}
    if provider:
        found[semantics.PROVIDER] = provider
    if model:
        found[semantics.REQUEST_MODEL] = model
    return found


def parameters(payload: Fields) -> Attributes:
    """The parameters of a request that have a name in the conventions."""
    options = {**fields(payload.get("options")), **fields(payload.get("generationConfig")), **payload}
    limits = (integer(options.get(name)) for name in (*_MAX_TOKENS, "maxOutputTokens", "num_predict"))
    numbers = {
        semantics.REQUEST_MAX_TOKENS: next((limit for limit in limits if limit is not None), None),
        semantics.REQUEST_TEMPERATURE: number(options.get("temperature")),
        semantics.REQUEST_TOP_P: number(options.get("top_p", options.get("topP"))),
    }
    return {name: value for name, value in numbers.items() if value is not None}


def answer(payload: Fields) -> Attributes:
    """The model and the id that an answer names, and why it ended."""
    found: Attributes = {}
    if model := text(payload.get("model")) or text(payload.get("modelVersion")):
        found[semantics.RESPONSE_MODEL] = model
    if identity := text(payload.get("id")) or text(payload.get("responseId")):
        found[semantics.RESPONSE_ID] = identity
    if reasons := tuple(filter(None, _finish_reasons(payload))):
        found[semantics.FINISH_REASONS] = reasons
    return found


def _finish_reasons(payload: Fields) -> Iterator[str]:
    yield text(payload.get("stop_reason"))
    yield text(payload.get("done_reason"))
    for choice in objects(payload.get("choices")):
        yield text(choice.get("finish_reason"))
    for candidate in objects(payload.get("candidates")):
        yield text(candidate.get("finishReason"))


def usage(used: Fields, cost: Fields) -> Attributes:
    """Tokens and cost, as the record has them."""
    found: Attributes = {}
    for name, attribute in _TOKENS.items():
        if (count := integer(used.get(name))) is not None:
            found[attribute] = count
    source = text(used.get("source"))
    if source and source != "none":
        found[semantics.USAGE_SOURCE] = source
    if (usd := number(cost.get("usd"))) is not None:
        found[semantics.COST] = usd
    return found
