"""Embeddings of Ollama: /api/embed (https://github.com/ollama/ollama/blob/main/docs/api.md#generate-embeddings)."""

from __future__ import annotations

from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.checked import Json
from gecholog.llm.dialects.ollama.response_reader import word
from gecholog.llm.embeddings import Embeddings, EmbeddingsRequest
from gecholog.llm.errors import InvalidResponseError
from gecholog.llm.usage import usage_of
from gecholog.llm.vectors import a_vector, in_number


def write_request(request: EmbeddingsRequest, target: Target) -> WrittenRequest:
    """The body of a request."""
    body: Json = {"model": target.model, "input": list(request.texts)}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return WrittenRequest(body, tuple(request.hints))


def read_response(answer: Json, texts: int) -> Embeddings:
    """The vectors in an answer for so many texts. Raises InvalidResponseError."""
    found = answer.get("embeddings")
    if not isinstance(found, list):
        raise InvalidResponseError("the answer has no embeddings")
    return Embeddings(in_number([a_vector(entry) for entry in found], texts), word(answer, "model"), usage_of(answer))
