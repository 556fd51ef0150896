"""Embeddings of Cohere: /v2/embed (https://docs.cohere.com/reference/embed)."""

from __future__ import annotations

from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.checked import Json
from gecholog.llm.embeddings import Embeddings, EmbeddingsRequest
from gecholog.llm.errors import InvalidResponseError
from gecholog.llm.usage import usage_of
from gecholog.llm.vectors import a_vector, in_number

_INPUT_TYPE = "input_type"
_USUAL_TYPE = "search_document"  # what OpenAI's clients do not say, and Cohere requires


def write_request(request: EmbeddingsRequest, target: Target) -> WrittenRequest:
    """The body of a request. A client may say `input_type`."""
    body: Json = {
        "model": target.model,
        "texts": list(request.texts),
        _INPUT_TYPE: request.hints.get(_INPUT_TYPE, _USUAL_TYPE),
        "embedding_types": ["float"],
    }
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    return WrittenRequest(body, tuple(name for name in request.hints if name != _INPUT_TYPE))


def read_response(answer: Json, texts: int) -> Embeddings:
    """The vectors in an answer for so many texts. Raises InvalidResponseError."""
    embeddings = answer.get("embeddings")
    found = embeddings.get("float") if isinstance(embeddings, dict) else None
    if not isinstance(found, list):
        raise InvalidResponseError("the answer has no embeddings")
    return Embeddings(in_number([a_vector(entry) for entry in found], texts), usage=usage_of(answer))
