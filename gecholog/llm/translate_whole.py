"""Translation of requests that are no chats, and whose answers are never streamed: embeddings and images. Pure.

embeddings_translation(provider, body)        for OpenAI's clients, in front of Cohere, Gemini, Ollama, Vertex
images_translation(provider, body, created)   in front of Gemini
ErrorTranslation()                            for Anthropic's clients, in front of Claude on Vertex AI
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gecholog.errors import NotJson
from gecholog.llm import json_text
from gecholog.llm.chat_dialect import Json, Target, WrittenRequest
from gecholog.llm.dialects import openai_embeddings, openai_errors, openai_images
from gecholog.llm.dialects.anthropic import errors as anthropic_errors
from gecholog.llm.dialects.anthropic import vertex
from gecholog.llm.dialects.cohere import embeddings as cohere_embeddings
from gecholog.llm.dialects.gemini import embeddings as gemini_embeddings
from gecholog.llm.dialects.gemini import imagen, vertex_embeddings
from gecholog.llm.dialects.gemini.errors import read_error as gemini_error
from gecholog.llm.dialects.ollama import embeddings as ollama_embeddings
from gecholog.llm.error_body import error_of_any_shape
from gecholog.llm.errors import ErrorInfo, InvalidRequestError, InvalidResponseError, unusable
from gecholog.llm.translate import StreamTranslator, TranslatedBody, TranslationError

_EMBEDDINGS = {
    "cohere": cohere_embeddings,
    "gemini": gemini_embeddings,
    "ollama": ollama_embeddings,
    "vertex": vertex_embeddings,
}
_ERRORS: dict[str, Callable[[int, bytes], ErrorInfo]] = {
    "cohere": error_of_any_shape,
    "gemini": gemini_error,
    "ollama": error_of_any_shape,
    "vertex": gemini_error,
}
EMBEDDING_DIALECTS = frozenset(_EMBEDDINGS)
IMAGE_DIALECTS = frozenset({"gemini"})


@dataclass(frozen=True, slots=True)
class WholeTranslation:
    """The translation of one call. Has the methods of `translate.Translation`."""

    write: Callable[[Target], WrittenRequest]
    read: Callable[[Json], Json]
    read_error: Callable[[int, bytes], ErrorInfo]

    is_streamed = False

    def sent(self, target: Target) -> TranslatedBody:
        """The request for the provider. Raises UnsupportedParameterError."""
        written = self.write(target)
        return TranslatedBody(json_text.dumps(written.body), written.dropped, written.method)

    def response(self, body: bytes, content_type: str) -> bytes:
        """The answer for the client. Raises TranslationError."""
        del content_type
        try:
            return json_text.dumps(self.read(_answer(body)))
        except (NotJson, InvalidResponseError) as problem:
            raise TranslationError(unusable(f"the answer of the provider cannot be read: {problem}")) from problem

    def error(self, status: int, body: bytes) -> bytes:
        """The body of an error of the provider, for the client."""
        return self.written_error(self.read_error(status, body))

    def written_error(self, error: ErrorInfo) -> bytes:
        """The body of an error, for the client."""
        return json_text.dumps(openai_errors.write_error(error))

    def stream(self) -> StreamTranslator:
        """There is none: raises TypeError."""
        raise TypeError("these answers are never streamed")


class ErrorTranslation:
    """The translation of errors alone: answers are in the client's dialect. Has the methods that read a response."""

    is_streamed = False

    def response(self, body: bytes, content_type: str) -> bytes:
        """Return the answer unchanged."""
        del content_type
        return body

    def error(self, status: int, body: bytes) -> bytes:
        """The body of an error of the provider, for the client."""
        return vertex.error_for_client(status, body)

    def written_error(self, error: ErrorInfo) -> bytes:
        """The body of an error, for the client."""
        return json_text.dumps(anthropic_errors.write_error(error))

    def stream(self) -> StreamTranslator:
        """There is none: raises TypeError."""
        raise TypeError("errors are never streamed")


def embeddings_translation(provider: str, body: bytes) -> WholeTranslation:
    """The translation of a request for embeddings. `provider` is one of `EMBEDDING_DIALECTS`.

    Raises InvalidRequestError, UnsupportedParameterError.
    """
    request, dialect = openai_embeddings.read_request(_object(body)), _EMBEDDINGS[provider]

    def read(answer: Json) -> Json:
        return openai_embeddings.write_response(dialect.read_response(answer, len(request.texts)), request)

    return WholeTranslation(lambda target: dialect.write_request(request, target), read, _ERRORS[provider])


def images_translation(provider: str, body: bytes, created: int) -> WholeTranslation:
    """The translation of a request for images. `provider` is one of `IMAGE_DIALECTS`; `created` in seconds since 1970.

    Raises InvalidRequestError, UnsupportedParameterError.
    """
    request = openai_images.read_request(_object(body))

    def read(answer: Json) -> Json:
        return openai_images.write_response(imagen.read_response(answer), created)

    return WholeTranslation(lambda target: imagen.write_request(request, target), read, _ERRORS[provider])


def _answer(body: bytes) -> Json:
    value = json_text.loads(body)
    if not isinstance(value, dict):
        raise InvalidResponseError("it is no JSON object")
    return value


def _object(body: bytes) -> Json:
    try:
        value = json_text.loads(body)
    except NotJson:
        value = None
    if not isinstance(value, dict):
        raise InvalidRequestError("", "the body must be a JSON object")
    return value
