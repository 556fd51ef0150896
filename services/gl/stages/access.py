"""Access: who calls, and what their key lets them do."""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from gecholog import lenient
from gecholog.llm.errors import InvalidRequestError
from gecholog.llm.output_limit import has_output, with_cap
from gecholog.llm.path_model import models_in_path
from gecholog.rawjson import Raw
from services.gl.access import client_credentials, key_rules
from services.gl.access.local_client import is_local_call
from services.gl.bodies.client_body import ClientBody
from services.gl.call_candidates import chosen_router
from services.gl.errors import ErrorDetail, Refusal
from services.gl.keyring import Unavailable
from services.gl.models.provider import Dialect
from services.gl.routing.key_rule import KeyRule
from services.gl.sending import model_request
from services.gl.sending.outbound import target_path

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gecholog.keys import KeyEntry
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies

_UNAUTHORIZED = HTTPStatus.UNAUTHORIZED.value
_OPENAI = frozenset({"azure", "openai"})
_PAUSE_S = 5  # Retry-After while keys cannot be checked


def authenticate(call: Call, deps: Dependencies) -> None:
    """Set the key of the client. Raises Refusal if the router asks for one and the client has no valid one.

    A key that a client sends is checked even if the client does not have to send one.
    """
    rule = call.router.keys
    if rule is KeyRule.OFF or call.unmet:
        return
    if not call.credential:
        if _must_have_key(call, rule):
            raise _missing(call, deps)
        return
    try:
        key = deps.keyring.find(call.credential)
    except Unavailable:
        raise _unavailable(call, deps) from None
    if key is None:
        raise _unauthorized(call, deps, "invalid client key", "invalid client key")
    call.identify(key, deps.keyring.snapshot.owners.get(key.owner))
    _check_router(call, key)


def restrict(call: Call, deps: Dependencies) -> Awaitable[None] | None:
    """Check the model and the output limit of the request, and add the key's limit if it has none. Raises Refusal.

    Routers of models have checked the model before, but not those to which a provider may turn if it fails.
    """
    key = call.key
    if key is None or (key.models is None and key.max_output_tokens is None):
        return None
    if call.own_response is not None or "control" in call.request_base.fields or not call.may_generate:
        return None
    return _restrict(call, key, deps)


async def _restrict(call: Call, key: KeyEntry, deps: Dependencies) -> None:
    body = call.client_body
    if body is None:
        body = await model_request.body_of_call(call, deps.unpacked)
        path = target_path(call)
        if key.models is not None:
            key_rules.check_models(key, (*models_in_path(path), *await _models(body)))
    else:
        path = _endpoint_path(call)
        if not body.is_form:
            for name in await model_request.all_models(body):  # also those that it names beside its model
                key_rules.check_model(key, name)
    if key.max_output_tokens is not None and not body.is_form and has_output(path):
        await _limit_output(call, body, path, key.max_output_tokens)


def _endpoint_path(call: Call) -> str:
    """The path of the API that a call on a router of models is for."""
    endpoint = call.candidates[0].endpoint if call.candidates else None
    return "" if endpoint is None else f"/{endpoint.path}"


async def _models(body: ClientBody) -> tuple[str, ...]:
    if body.is_form:
        name = await model_request.named_model(body)
        return (name,) if name else ()
    return await model_request.all_models(body)


async def _limit_output(call: Call, body: ClientBody, path: str, cap: int) -> None:
    is_large = len(body.data) > model_request.LARGE
    edit = partial(with_cap, body.data, path, cap, of_openai=_is_for_openai(call))
    try:
        data = await asyncio.to_thread(edit) if is_large else edit()
    except InvalidRequestError as error:
        detail = ErrorDetail(400, str(error), "invalid_request", param=error.param or None)
        raise Refusal(400, str(error), detail=detail) from error
    if data is body.data:
        return
    if call.client_body is not None:
        call.client_body = ClientBody(data, body.content_type)
        return
    found = lenient.strict(data)
    if found is None:
        raise Refusal(400, "the body of the request cannot be read")
    call.request_base.write({"outbound_payload": Raw(found.data)})


def _is_for_openai(call: Call) -> bool:
    """Whether the request goes to OpenAI's API, or to that of Azure."""
    provider = call.candidates[0].provider if call.candidates else None
    if provider is None:
        return chosen_router(call).price_provider in _OPENAI
    return provider.dialect is Dialect.AZURE or provider.profile.name in _OPENAI


def _must_have_key(call: Call, rule: KeyRule) -> bool:
    if rule is KeyRule.REMOTE:
        return not (call.config.serves_everybody or is_local_call(call.router, call.request))
    return rule is KeyRule.REQUIRED


def _check_router(call: Call, key: KeyEntry) -> None:
    if key.routers is not None and call.router.path not in key.routers:
        text = f"the client key may not be used for {call.router.path}"
        raise Refusal(403, text, detail=ErrorDetail(403, text, "router_not_allowed"))


def _missing(call: Call, deps: Dependencies) -> Refusal:
    """The refusal of a call without a client key."""
    if not deps.keyring.is_current and client_credentials.has_any(call.headers, call.query):
        return _unavailable(call, deps)  # it may be a key that was imported
    text = "missing client key"
    message = f"{text}: send a key of this gateway (sk-gl-…) in Authorization: Bearer or in X-Api-Key"
    return _unauthorized(call, deps, text, message)


def _unauthorized(call: Call, deps: Dependencies, text: str, message: str) -> Refusal:
    _leave_unrecorded(call, deps, _UNAUTHORIZED)
    return Refusal(_UNAUTHORIZED, text, detail=ErrorDetail(_UNAUTHORIZED, message, "invalid_api_key"))


def _unavailable(call: Call, deps: Dependencies) -> Refusal:
    _leave_unrecorded(call, deps, HTTPStatus.SERVICE_UNAVAILABLE.value)
    text = "client keys cannot be checked now"
    headers = {"Retry-After": [str(_PAUSE_S)]}
    return Refusal(503, text, headers, ErrorDetail(503, text, "keys_unavailable"))


def _leave_unrecorded(call: Call, deps: Dependencies, status: int) -> None:
    """Strangers must not fill the records: their calls are counted, unless the config says that they are recorded."""
    if not call.config.log_unauthorized:
        call.is_recorded = False
        deps.observe_unrecorded(call.router.path, status)
