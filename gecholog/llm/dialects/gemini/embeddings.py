"""Embeddings of Gemini: batchEmbedContents (https://ai.google.dev/api/embeddings)."""

from __future__ import annotations

from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.checked import Json
from gecholog.llm.embeddings import Embeddings, EmbeddingsRequest
from gecholog.llm.errors import InvalidResponseError
from gecholog.llm.usage import usage_of
from gecholog.llm.vectors import a_vector, in_number


def write_request(request: EmbeddingsRequest, target: Target) -> WrittenRequest:
    """The body of a request, an entry for each text."""
    size: Json = {} if request.dimensions is None else {"outputDimensionality": request.dimensions}
    model = f"models/{target.model}"
    entries = [{"model": model, "content": {"parts": [{"text": text}]}} | size for text in request.texts]
    return WrittenRequest({"requests": entries}, tuple(request.hints))


def read_response(answer: Json, texts: int) -> Embeddings:
    """The vectors in an answer for so many texts. Raises InvalidResponseError."""
    found = answer.get("embeddings")
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise InvalidResponseError("the answer has no embeddings")
    return Embeddings(in_number([a_vector(entry.get("values")) for entry in found], texts), usage=usage_of(answer))
