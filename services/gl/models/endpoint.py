"""Endpoints of a models router: what a path asks for, and who has it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from services.gl.models import profile as profiles
from services.gl.models.provider import Dialect, Provider
from services.gl.models.vertex import Publisher

COUNT_TOKENS = "messages/count_tokens"


class Kind(Enum):
    """What is done about a request."""

    MODEL = "model"  # it names a model, which says where it goes
    USAGE = "usage"  # it asks for the client's own usage: answered here
    LIST = "list"  # it asks for the list of models, or for one of them: answered here
    ACCOUNT = "account"  # it is about something that a provider keeps (a file, a batch): to the default provider


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A request of a models router, by its path below the router's and its method.

    `path` is that of the API, without slashes around it; of an `ACCOUNT` it is what the client sent.
    """

    kind: Kind
    path: str

    def __hash__(self) -> int:
        return hash(self.path)  # the hash of an enum member takes long

    @property
    def is_anthropic(self) -> bool:
        """Whether it is one of Anthropic's API; the others are OpenAI's."""
        return self.path in _ANTHROPIC


_ANTHROPIC = frozenset({profiles.MESSAGES, COUNT_TOKENS})
_PATHS_WITH_MODEL = _ANTHROPIC | {
    profiles.CHAT,
    profiles.COMPLETIONS,
    profiles.RESPONSES,
    profiles.EMBEDDINGS,
    profiles.IMAGES,
    "images/edits",
    "images/variations",
    profiles.SPEECH,
    profiles.TRANSCRIPTIONS,
    profiles.TRANSLATIONS,
    profiles.MODERATIONS,
    "rerank",
    "responses/compact",
    "responses/input_tokens",
    "videos",
}
_WITH_MODEL = {path: Endpoint(Kind.MODEL, path) for path in _PATHS_WITH_MODEL}
_MODELS, _USAGE = "models", "usage"
_READING = frozenset({"GET", "HEAD"})
# First segments of paths about what a provider keeps (https://platform.openai.com/docs/api-reference).
_KEPT = frozenset(
    {
        "assistants",
        "batches",
        "chat",
        "containers",
        "conversations",
        "evals",
        "files",
        "fine_tuning",
        "responses",
        "threads",
        "uploads",
        "vector_stores",
        "videos",
    }
)
_METHODS = frozenset({"DELETE", "GET", "HEAD", "POST"})
_DEEPEST = 6  # threads/ID/runs/ID/steps/ID
_SEGMENT = re.compile(r"(?:[\w.~:=@+-]|%3[Aa])+", re.ASCII)  # ids of fine-tuned models have colons
# Below these first segments there is nothing but what is listed by name: other paths are mistakes.
_NOT_BELOW_CHAT = "chat"


def endpoint_of(method: str, subpath: str) -> Endpoint | None:
    """What a request asks for; None for a path that no API has. `subpath` is percent-encoded, as it came."""
    path = subpath.removesuffix("/")
    if method == "POST" and (found := _WITH_MODEL.get(path)) is not None:
        return found
    first, _, rest = path.partition("/")
    if first == _MODELS:
        return Endpoint(Kind.LIST, path) if method in _READING else None
    if path == _USAGE:
        return Endpoint(Kind.USAGE, path) if asks_for_usage(method, path) else None
    is_kept = first in _KEPT and (first != _NOT_BELOW_CHAT or rest.split("/")[0] == "completions")
    return Endpoint(Kind.ACCOUNT, path) if is_kept and method in _METHODS and _is_plain(path) else None


def asks_for_usage(method: str, subpath: str) -> bool:
    """Whether a request asks for the client's own usage."""
    return subpath.removesuffix("/") == _USAGE and method in _READING


def _is_plain(path: str) -> bool:
    """Whether every server reads a path in the same way: names and ids, and no more of them than any endpoint has."""
    segments = path.split("/")
    return len(segments) <= _DEEPEST and all(_SEGMENT.fullmatch(one) and one.strip(".") for one in segments)


def has(provider: Provider, endpoint: Endpoint, model: str) -> bool:
    """Tell whether a provider takes a request as it is, in the client's own dialect. The `model` may be empty."""
    if provider.dialect is Dialect.ANTHROPIC or provider.publisher(model) is Publisher.ANTHROPIC:
        return endpoint.is_anthropic
    if not provider.speaks_openai or endpoint.is_anthropic:
        return False
    return endpoint.kind is Kind.ACCOUNT or provider.profile.has(endpoint.path)
