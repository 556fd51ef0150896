"""The body of a request that names a model: read, and adapted to a provider."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from gecholog import headers, lenient, rawjson
from gecholog.llm import form, model_name, system_prompt
from gecholog.llm.raw_predict import for_raw_predict
from gecholog.rawjson import Raw
from services.gl.bodies.client_body import ClientBody
from services.gl.bodies.unpacked import unpack
from services.gl.bodies.without_keys import without_keys
from services.gl.headers.policy import body_of
from services.gl.models.profile import MESSAGES
from services.gl.record import decoding, payload

if TYPE_CHECKING:
    from services.gl.bodies.unpacked import UnpackedBytes
    from services.gl.call import Call
    from services.gl.candidates.candidate import Candidate

LARGE = 1024 * 1024  # bytes; a larger body is parsed in a thread


async def body_of_call(call: Call, count: UnpackedBytes) -> ClientBody:
    """The decoded body of a call, as processors left it, without client keys.

    Raises Refusal if it cannot be unpacked within the limits.
    """
    content_type = headers.first(call.headers, "Content-Type")
    section = call.request_base
    if "outbound_payload" in section.changed:
        return ClientBody(body_of(section.fields["outbound_payload"]), content_type)
    body = call.body
    encoding = ",".join(call.headers["Content-Encoding"]) if "Content-Encoding" in call.headers else ""
    if encoding and body and decoding.codings(encoding):
        body = await unpack(body, encoding, call.config.limits, count)
        body = await without_keys(body)  # they could not be found before
    return ClientBody(body, content_type)


async def named_model(body: ClientBody) -> str | None:
    """The model that a body names. A large body is parsed in a thread."""
    return await asyncio.to_thread(getattr, body, "model") if len(body.data) > LARGE else body.model


async def all_models(body: ClientBody) -> tuple[str, ...]:
    """All models that parsers might read from a JSON body, for example if it has duplicate keys."""
    large = len(body.data) > LARGE
    return await asyncio.to_thread(model_name.models_in, body.data) if large else model_name.models_in(body.data)


class ProviderBody(NamedTuple):
    """The body of a request as a provider gets it, and as the record shows it."""

    data: bytes
    shown: Raw | str


def body_for(body: ClientBody, candidate: Candidate) -> ProviderBody:
    """Adapt a body to a provider: its name of the model, and its default system prompt if the request has none.

    Takes long for a `LARGE` body.
    """
    if body.is_form:
        data = form.with_model_in_form(body.data, body.content_type, candidate.model)
        return ProviderBody(data, Raw(rawjson.dumps(payload.binary(data, body.content_type))))
    found = body.named_model()
    data = body.data if found is None else found.replaced(candidate.model_json)
    provider, endpoint = candidate.provider, candidate.endpoint
    if provider is not None and endpoint is not None and provider.default_system_prompt:
        data = system_prompt.with_system_prompt(data, endpoint.path, provider.default_system_prompt)
    if provider is not None and provider.vertex is not None and endpoint is not None and endpoint.path == MESSAGES:
        data = for_raw_predict(data)
    if found is not None and found.is_json:
        shown = Raw(data)
        return ProviderBody(shown, shown)  # in memory once
    strict = lenient.strict(data)
    return ProviderBody(data, data.decode("utf-8", "replace") if strict is None else Raw(strict.data))
