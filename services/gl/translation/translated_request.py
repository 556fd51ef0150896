"""Requests translated for a provider that speaks another dialect than the client."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from gecholog import headers
from gecholog.llm import translate
from gecholog.llm.chat import Message, Role, Text
from gecholog.llm.chat_dialect import ReplyContext, Target
from gecholog.llm.errors import InvalidRequestError, UnsupportedParameterError
from gecholog.llm.inline_image import IMAGE_URL, image_urls
from gecholog.llm.translate_whole import WholeTranslation, embeddings_translation, images_translation
from gecholog.rawjson import Raw
from services.gl.attempt.attempt import TranslatedRequest
from services.gl.errors import ErrorDetail, Refusal
from services.gl.models.address import usual_headers
from services.gl.models.dialects import api_profile, client_dialect, dialect_name, provider_dialect
from services.gl.models.profile import EMBEDDINGS, IMAGES

if TYPE_CHECKING:
    from gecholog.llm.chat import ChatRequest
    from gecholog.llm.chat_dialect import FetchedImage
    from services.gl.attempt.attempt import Attempt
    from services.gl.call import Call
    from services.gl.candidates.candidate import Candidate
    from services.gl.images.source import ImageSource
    from services.gl.models.endpoint import Endpoint
    from services.gl.models.provider import Provider

_LARGE = 256 * 1024  # bytes of a body that is not translated while other calls wait
# Headers that describe the client's body or belong to the client's API.
CLIENTS_OWN = frozenset(
    {
        "Accept",
        "Accept-Encoding",
        "Anthropic-Beta",
        "Anthropic-Custom",
        "Anthropic-Dangerous-Direct-Browser-Access",
        "Anthropic-Version",
        "Content-Digest",
        "Content-Encoding",
        "Content-Md5",
        "Content-Type",
        "Digest",
        "If-Match",
        "If-Modified-Since",
        "If-None-Match",
        "If-Unmodified-Since",
        "Openai-Beta",
        "Origin",
        "Range",
        "Referer",
        "X-Amz-Content-Sha256",
        "X-Amz-Date",
        "X-Amz-Security-Token",
        "X-Goog-Request-Params",
        "X-Http-Method-Override",
    }
)
# No content encoding, because gl reads the response.
_SENT = {"Accept-Encoding": ["identity"], "Content-Type": ["application/json"]}


async def translate_request(call: Call, candidate: Candidate, images: ImageSource) -> None:
    """Write the request for a candidate of another dialect, and keep it with the call.

    `images` gets the bytes of images if the dialect takes no URLs of them. Raises Refusal if the request is not valid,
    if the candidate's dialect cannot express it, or if an image cannot be had.
    """
    provider, endpoint = candidate.provider, candidate.endpoint
    if provider is None or endpoint is None or call.client_body is None or candidate.key in call.translated:
        return
    try:
        translated = await _made(call, candidate, images)
    except InvalidRequestError as error:
        detail = ErrorDetail(400, str(error), "invalid_request", param=error.param or None)
        raise Refusal(400, str(error), detail=detail) from error
    except UnsupportedParameterError as error:
        raise _unsupported(error, provider, candidate.model) from error
    call.translated = {**call.translated, candidate.key: translated}


async def _made(call: Call, candidate: Candidate, images: ImageSource) -> TranslatedRequest:
    """The translated request. Its images are fetched only if the dialect turns out to need their bytes."""
    try:
        return await _translated(call, candidate, {})
    except UnsupportedParameterError as error:
        rule = candidate.router.fetch_images
        if error.param != IMAGE_URL or call.chat is None or not rule.is_on:
            raise
        urls = image_urls(call.chat)
    try:
        async with asyncio.timeout_at(call.deadline):
            fetched = await images.fetch(urls, rule)
    except TimeoutError:
        raise Refusal(504, "the images of the request were not fetched in time") from None
    return await _translated(call, candidate, fetched)


async def _translated(call: Call, candidate: Candidate, images: dict[str, FetchedImage]) -> TranslatedRequest:
    size = sum(len(image.data) for image in images.values())
    size += 0 if call.client_body is None else len(call.client_body.data)
    if size > _LARGE:
        return await asyncio.to_thread(_translated_now, call, candidate, images)
    return _translated_now(call, candidate, images)


def _unsupported(error: UnsupportedParameterError, provider: Provider, model: str) -> Refusal:
    where = f"provider {provider.name} ({provider.dialect.value}), model {model}"
    message = f"{error.param} is not possible with {where}: {error}"
    return Refusal(400, message, detail=ErrorDetail(400, message, "unsupported_parameter", param=error.param))


def _translated_now(call: Call, candidate: Candidate, images: dict[str, FetchedImage]) -> TranslatedRequest:
    provider, endpoint = candidate.provider, candidate.endpoint
    if provider is None or endpoint is None:
        raise TypeError("the candidate is no model of a provider")
    target = Target(candidate.model, candidate.max_output_tokens, api_profile(provider), images)
    translation = _translation(call, provider, endpoint, candidate.model)
    sent = translation.sent(target)
    return TranslatedRequest(translation, sent.body, sent.dropped, sent.method)


def _translation(
    call: Call, provider: Provider, endpoint: Endpoint, model: str
) -> translate.Translation | WholeTranslation:
    """The translation of a call for a provider. Raises InvalidRequestError, UnsupportedParameterError."""
    body = b"" if call.client_body is None else call.client_body.data
    if endpoint.path == EMBEDDINGS:
        return embeddings_translation(dialect_name(provider, model, EMBEDDINGS), body)
    if endpoint.path == IMAGES:
        return images_translation(dialect_name(provider, model, IMAGES), body, int(time.time()))
    client, other = client_dialect(endpoint), provider_dialect(provider, model)
    if client is None or other is None:
        raise UnsupportedParameterError(endpoint.path)
    if call.chat is None:
        call.chat = translate.read_request(client, body)
    request = _with_system_prompt(call.chat, provider.default_system_prompt)
    context = ReplyContext(call.chat, call.record_id.hex(), int(time.time()), call.chat.model)
    return translate.Translation(client, other, request, context)


def _with_system_prompt(request: ChatRequest, prompt: str) -> ChatRequest:
    """The request with a system prompt if it has none of its own."""
    if not prompt or any(message.role is Role.SYSTEM for message in request.messages):
        return request
    first = Message(Role.SYSTEM, (Text(prompt),))
    return msgspec.structs.replace(request, messages=(first, *request.messages))


def with_translated(attempt: Attempt, translated: TranslatedRequest) -> Attempt:
    """The attempt with the translated request. The record shows what the provider gets, and what was left out."""
    candidate, request = attempt.candidate, attempt.request
    section = attempt.section.copy()
    section.fields["outbound_payload"] = body = Raw(translated.body)
    if translated.dropped:
        section.fields["unsupported_parameters"] = list(translated.dropped)
    sent = _headers(candidate, request.headers)
    shown = _headers(candidate, attempt.shown_headers)
    return attempt._replace(
        request=request._replace(method="POST", body=body, headers=sent),
        section=section,
        shown_headers=shown,
        translation=translated.translation,
        dropped=translated.dropped,
    )


def _headers(candidate: Candidate, received: headers.Headers) -> headers.Headers:
    """The headers of a request, without those that the client sent for its own API."""
    static = candidate.router.target.headers
    kept = headers.without(received, CLIENTS_OWN - static.keys())
    usual = {} if candidate.provider is None else usual_headers(candidate.provider)
    return usual | kept | _SENT
