"""Adapts the client's request to a provider: sets the model, and the default system prompt if there is none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from gecholog import headers, lenient, rawjson
from gecholog.llm import model_name, system_prompt
from gecholog.llm.raw_predict import for_raw_predict
from gecholog.rawjson import Raw
from services.gl.client_body import ClientBody
from services.gl.header_policy import body_of
from services.gl.models.address import usual_headers
from services.gl.models.endpoint import Kind
from services.gl.models.profile import MESSAGES
from services.gl.record import decoding, payload
from services.gl.unpacked import unpack

if TYPE_CHECKING:
    from services.gl.attempt import Attempt, Candidate
    from services.gl.call import Call
    from services.gl.unpacked import UnpackedBytes

LARGE = 1024 * 1024  # bytes; a larger body is parsed in a thread
_ENCODING = frozenset({"Content-Encoding"})


async def body_of_call(call: Call, count: UnpackedBytes) -> ClientBody:
    """The decoded body of a call, as processors left it. Raises Refusal if it cannot be unpacked within the limits."""
    content_type = headers.first(call.headers, "Content-Type")
    section = call.request_base
    if "outbound_payload" in section.changed:
        return ClientBody(body_of(section.fields["outbound_payload"]), content_type)
    encoding = ",".join(call.headers.get("Content-Encoding", ()))
    if not call.body or not decoding.codings(encoding):
        return ClientBody(call.body, content_type)
    return ClientBody(await unpack(call.body, encoding, call.config.limits, count), content_type)


async def named_model(body: ClientBody) -> str | None:
    """The model that a body names. A large body is parsed in a thread."""
    return await asyncio.to_thread(getattr, body, "model") if len(body.data) > LARGE else body.model


async def all_models(body: ClientBody) -> tuple[str, ...]:
    """All models that parsers might read from a JSON body, for example if it has duplicate keys."""
    large = len(body.data) > LARGE
    return await asyncio.to_thread(model_name.models_in, body.data) if large else model_name.models_in(body.data)


async def for_provider(attempt: Attempt, body: ClientBody) -> Attempt:
    """Adapt the body and the headers of an attempt to its provider."""
    candidate, request, section = attempt.candidate, attempt.request, attempt.section
    if candidate.provider is None or candidate.endpoint is None:
        return attempt
    sent, usual = request.headers, usual_headers(candidate.provider)
    if usual:
        sent = usual | sent
    if candidate.endpoint.kind is Kind.ACCOUNT:
        return attempt._replace(request=request._replace(headers=sent))
    edit = asyncio.to_thread(_edited, body, candidate) if len(body.data) > LARGE else None
    edited = await edit if edit is not None else _edited(body, candidate)
    shown = attempt.shown_headers
    if edited.data != request.body:
        section = section.copy()
        section.fields["outbound_payload"] = edited.shown
        sent, shown = headers.without(sent, _ENCODING), headers.without(shown, _ENCODING)
    return attempt._replace(
        request=request._replace(body=edited.data, headers=sent), section=section, shown_headers=shown
    )


class _Edited(NamedTuple):
    """A changed body: as it is sent, and as the record shows it."""

    data: bytes
    shown: Raw | str


def _edited(body: ClientBody, candidate: Candidate) -> _Edited:
    """Set the provider's name of the model, and the default system prompt if the request has none."""
    if body.is_form:
        data = body.with_model(candidate.model)
        return _Edited(data, Raw(rawjson.dumps(payload.binary(data, body.content_type))))
    data = body.with_model(candidate.model)
    provider, endpoint = candidate.provider, candidate.endpoint
    if provider is not None and endpoint is not None and provider.default_system_prompt:
        data = system_prompt.with_system_prompt(data, endpoint.path, provider.default_system_prompt)
    if provider is not None and provider.vertex is not None and endpoint is not None and endpoint.path == MESSAGES:
        data = for_raw_predict(data)
    found = lenient.strict(data)
    return _Edited(data, data.decode("utf-8", "replace") if found is None else rawjson.payload(found.data))
