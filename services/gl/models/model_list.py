"""The list of its models that a provider gives: how to ask for it, and the names in the answer. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from services.gl.models.address import Address, address
from services.gl.models.provider import Dialect, Provider

_MOST = 10_000  # names of a list
_LONGEST = 200  # characters of a name
_MOST_OF_PAGE = 1000  # the longest page that Anthropic, Google and Cohere give


class _Form(NamedTuple):
    """Where the list is in an answer, and where a name is in its entries."""

    entries: str
    name: str


_OPENAI = _Form("data", "id")
_FORMS = {
    Dialect.GEMINI: _Form("models", "name"),
    Dialect.OLLAMA: _Form("models", "name"),
    Dialect.COHERE: _Form("models", "name"),
}
_GEMINI_PREFIX = "models/"
_OLLAMA_TAG = ":latest"

NOT_LISTED = frozenset({Dialect.AZURE, Dialect.BEDROCK, Dialect.VERTEX})
"""Dialects without a list of the models that can be called.

Azure lists those that could be deployed; Bedrock and Vertex have their lists elsewhere, with other credentials.
"""


def list_address(provider: Provider) -> Address:
    """Where a provider has its list, of one page.

    https://platform.openai.com/docs/api-reference/models/list, https://docs.claude.com/en/api/models-list,
    https://ai.google.dev/api/models, https://docs.cohere.com/reference/list-models,
    https://github.com/ollama/ollama/blob/main/docs/api.md
    """
    match provider.dialect:
        case Dialect.ANTHROPIC:
            return Address(address(provider, "models", "").path, (("limit", str(_MOST_OF_PAGE)),))
        case Dialect.GEMINI:
            return Address("/v1beta/models", (("pageSize", str(_MOST_OF_PAGE)),))
        case Dialect.COHERE:
            return Address("/v1/models", (("page_size", str(_MOST_OF_PAGE)),))
        case Dialect.OLLAMA:
            return Address("/api/tags")
        case _:
            return address(provider, "models", "")


def names_in(dialect: Dialect, answer: Any) -> frozenset[str] | None:
    """The names in an answer; None if it is no list of models. What cannot be a name is left out."""
    form = _FORMS.get(dialect, _OPENAI)
    entries = answer.get(form.entries) if isinstance(answer, dict) else None
    if not isinstance(entries, list):
        return None
    found = (entry.get(form.name) for entry in entries[:_MOST] if isinstance(entry, dict))
    names = [name for name in found if isinstance(name, str) and _is_name(name)]
    if dialect is Dialect.OLLAMA:  # it takes both
        return frozenset([*names, *(name.removesuffix(_OLLAMA_TAG) for name in names)])
    return frozenset(name.removeprefix(_GEMINI_PREFIX) if dialect is Dialect.GEMINI else name for name in names)


def _is_name(text: str) -> bool:
    """Whether a name can be said, and stands for one model only."""
    return 0 < len(text) <= _LONGEST and text.isprintable() and "*" not in text
