"""Access: who calls, and what their key lets them do."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from services.gl import client_credentials
from services.gl.errors import ErrorDetail, Refusal
from services.gl.key_rule import KeyRule
from services.gl.keyring import Unavailable
from services.gl.local_client import is_local_call

if TYPE_CHECKING:
    from gecholog.keys import KeyEntry
    from services.gl.call import Call
    from services.gl.dependencies import Dependencies

_UNAUTHORIZED = HTTPStatus.UNAUTHORIZED.value
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
        call.key = deps.keyring.find(call.credential)
    except Unavailable:
        raise _unavailable(call, deps) from None
    if call.key is None:
        raise _unauthorized(call, deps, "invalid client key", "invalid client key")
    call.owner = deps.keyring.snapshot.owners.get(call.key.owner)
    _check_router(call, call.key)


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
