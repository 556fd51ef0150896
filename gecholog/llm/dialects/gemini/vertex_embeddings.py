"""Embeddings of Vertex AI, by the method that a model has.

Gemini's models have embedContent for one text and batchEmbedContents for several. The others have predict.
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
"""

from __future__ import annotations

from typing import Any

from gecholog.llm.chat_dialect import Target, WrittenRequest
from gecholog.llm.checked import Json
from gecholog.llm.embeddings import Embeddings, EmbeddingsRequest
from gecholog.llm.errors import InvalidResponseError
from gecholog.llm.usage import usage_of
from gecholog.llm.vectors import a_vector, in_number

_GEMINI = "gemini"


def write_request(request: EmbeddingsRequest, target: Target) -> WrittenRequest:
    """The body of a request, and its method."""
    size: Json = {} if request.dimensions is None else {"outputDimensionality": request.dimensions}
    dropped = tuple(request.hints)
    if _GEMINI not in target.model:
        body: Json = {"instances": [{"content": text} for text in request.texts]}
        return WrittenRequest(body | ({"parameters": size} if size else {}), dropped, "predict")
    config: Json = {"embedContentConfig": size} if size else {}
    entries = [{"content": {"role": "user", "parts": [{"text": text}]}} | config for text in request.texts]
    if len(entries) == 1:
        return WrittenRequest(entries[0], dropped, "embedContent")
    return WrittenRequest({"requests": entries}, dropped, "batchEmbedContents")


def read_response(answer: Json, texts: int) -> Embeddings:
    """The vectors in an answer for so many texts, whatever the method. Raises InvalidResponseError."""
    vectors = [a_vector(_values(entry)) for entry in _entries(answer)]
    return Embeddings(in_number(vectors, texts), usage=usage_of(answer))


def _entries(answer: Json) -> list[Any]:
    if "predictions" in answer:
        found: Any = answer["predictions"]
        return [one.get("embeddings") if isinstance(one, dict) else None for one in _listed(found)]
    return [answer["embedding"]] if "embedding" in answer else _listed(answer.get("embeddings"))


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidResponseError("the answer has no embeddings")
    return value


def _values(entry: Any) -> Any:
    return entry.get("values") if isinstance(entry, dict) else None
