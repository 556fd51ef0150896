"""The Gemini API: its methods of models, and its errors."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from gecholog import rawjson
from services.dummy import embedding, fields, image, models, reply, tokens, turn
from services.dummy.api import Api, ErrorReply, Request
from services.dummy.api_error import ApiError
from services.dummy.fields import JsonBody
from services.dummy.gemini import content, prompt, rules, shapes
from services.dummy.reply import JsonReply, Reply, Spent

_MODELS = re.compile(r"/v1(?:alpha|beta)?/models(?=/|$)")
_DIMENSIONS = 768
_MOST_DIMENSIONS = 3072
_MOST_IMAGES = 4
# https://ai.google.dev/gemini-api/docs/troubleshooting
_STATUSES: dict[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_WRONG_KEY = "API_KEY_INVALID"
_TYPE = "type.googleapis.com/google.rpc"


def is_its(path: str) -> bool:
    """Tell whether a path can only be of this API, whose version 1 has the same paths as others."""
    return path.startswith(("/v1beta/", "/v1alpha/")) or (
        _MODELS.match(path) is not None and path.rpartition(":")[2] in _METHODS
    )


def answer(request: Request) -> Reply:
    """Return the reply to a request. Raises ApiError."""
    found = _MODELS.match(request.path)
    place = "" if found is None else request.path[found.end() :].removeprefix("/")
    model, colon, method = place.rpartition(":")
    if found is None or (colon and method not in _METHODS):
        raise ApiError("Requested entity was not found.", status=HTTPStatus.NOT_FOUND)
    if not colon:
        request.allow("GET")
        return _listed(place)
    request.allow("POST")
    return _METHODS[method](fields.body(request.body), model, request)


def _listed(name: str) -> JsonReply:
    if not name:
        return reply.json_reply({"models": [_model(one) for one in models.NAMES]})
    if name not in models.NAMES:
        raise ApiError(f"models/{name} is not found for API version v1beta.", status=HTTPStatus.NOT_FOUND)
    return reply.json_reply(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent", "batchEmbedContents"],
    }


# ------------------------------------------------------------------ contents


def _generated(body: JsonBody, model: str, request: Request) -> Reply:
    return reply.json_reply(content.whole(made := _content(body, model, request)), made.spent)


def _streamed(body: JsonBody, model: str, request: Request) -> Reply:
    content_type = content.EVENTS if request.query.get("alt") == "sse" else content.ARRAY
    return content.streamed(_content(body, model, request), content_type)


def _content(body: JsonBody, model: str, request: Request) -> content.Content:
    read = shapes.read(body, "GenerateContent")
    rules.check(read, thinks=prompt.needs_signatures(read, model))
    answered = turn.answer(prompt.turn_of(read, model, request.how.chunks))
    config = read.get("generationConfig", {})
    number = int(config.get("candidateCount", 1))
    thought = answered.thought_tokens
    spent = Spent(
        model,
        prompt.prompt_tokens(read),
        thought + number * answered.tokens,
        prompt.cached_tokens(read, model, request.cache),
        thinking=thought,
    )
    shows = bool(config.get("thinkingConfig", {}).get("includeThoughts"))
    return content.content_of(model, answered, spent, shows_thoughts=shows, candidates=number)


def _counted(body: JsonBody, model: str, request: Request) -> Reply:
    del model, request
    read = shapes.read(body, "CountTokens")
    asked = read.get("generateContentRequest", read)
    rules.check(asked, thinks=False)
    number = prompt.prompt_tokens(asked)
    details = [{"modality": "TEXT", "tokenCount": number}]
    return reply.json_reply({"totalTokens": number, "promptTokensDetails": details})


# ------------------------------------------------------- embeddings and images


def _embedded(body: JsonBody, model: str, request: Request) -> Reply:
    del request
    values, number = _embedding(shapes.read(body, "EmbedContent"))
    used = {"promptTokenCount": number, "totalTokenCount": number}
    return reply.json_reply({"embedding": {"values": values}, "usageMetadata": used}, Spent(model, number))


def _embedded_all(body: JsonBody, model: str, request: Request) -> Reply:
    del request
    read = shapes.read(body, "BatchEmbedContents").get("requests") or []
    if not read:
        raise ApiError("* BatchEmbedContentsRequest.requests: requests is not specified\n")
    for index, one in enumerate(read):
        if one.get("model") != f"models/{model}":
            message = f"* BatchEmbedContentsRequest.requests[{index}].model: must match the model of the request\n"
            raise ApiError(message)
    made = [_embedding(one) for one in read]
    number = sum(count for _, count in made)
    used = {"promptTokenCount": number, "totalTokenCount": number}
    listed = [{"values": values} for values, _ in made]
    return reply.json_reply({"embeddings": listed, "usageMetadata": used}, Spent(model, number))


def _embedding(read: JsonBody) -> tuple[list[float], int]:
    text = "".join(part.get("text", "") for part in read.get("content", {}).get("parts", ()))
    if not text:
        raise ApiError("* EmbedContentRequest.content: content is empty\n")
    dimensions = int(read.get("outputDimensionality", _DIMENSIONS))
    if not 0 < dimensions <= _MOST_DIMENSIONS:
        raise ApiError(f"* EmbedContentRequest.output_dimensionality: must be from 1 to {_MOST_DIMENSIONS}\n")
    return embedding.vector(text, dimensions), tokens.count(text)


def _pictures(body: JsonBody, model: str, request: Request) -> Reply:
    """Return the pictures of Imagen."""
    del request
    read = shapes.read(body, "Predict")
    instances = read.get("instances") or []
    prompts = [one.get("prompt") for one in instances]
    if len(prompts) != 1 or not prompts[0]:
        raise ApiError("* PredictRequest.instances: one instance with a prompt is needed\n")
    parameters = read.get("parameters") or {}
    number = parameters.get("sampleCount", 1)
    if type(number) is not int or not 0 < number <= _MOST_IMAGES:
        raise ApiError(f"* PredictRequest.parameters.sampleCount: must be from 1 to {_MOST_IMAGES}\n")
    data = base64.b64encode(image.png(prompts[0])).decode()
    made = [{"mimeType": "image/png", "bytesBase64Encoded": data}] * number
    return reply.json_reply({"predictions": made}, Spent(model))


_METHODS = {
    "generateContent": _generated,
    "streamGenerateContent": _streamed,
    "countTokens": _counted,
    "embedContent": _embedded,
    "batchEmbedContents": _embedded_all,
    "predict": _pictures,
}


# -------------------------------------------------------------------- errors


def error(error: ApiError, query: Mapping[str, str]) -> ErrorReply:
    """Return an error. In place of an event stream, it has the content type of one but is plain JSON."""
    content_type = content.EVENTS if query.get("alt") == "sse" else content.ARRAY
    return ErrorReply(error.status, rawjson.dumps(_error_value(error)), content_type=content_type)


def event(error: ApiError, content_type: str) -> bytes:
    return content.event(_error_value(error), content_type)


def _error_value(error: ApiError) -> dict[str, Any]:
    value: dict[str, Any] = {
        "code": error.status,
        "message": str(error),
        "status": _STATUSES.get(error.status, "UNKNOWN"),
    }
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        value["details"] = [{"@type": f"{_TYPE}.RetryInfo", "retryDelay": "1s"}]
    elif error.code == _WRONG_KEY:
        value["details"] = [{"@type": f"{_TYPE}.ErrorInfo", "reason": _WRONG_KEY, "domain": "googleapis.com"}]
    elif error.param is not None and error.status == HTTPStatus.BAD_REQUEST:
        violation = {"field": error.param, "description": str(error)}
        value["details"] = [{"@type": f"{_TYPE}.BadRequest", "fieldViolations": [violation]}]
    return {"error": value}


def _wrong_key() -> ApiError:
    return ApiError("API key not valid. Please pass a valid API key.", code=_WRONG_KEY)


API = Api(answer, error, event, _wrong_key)
