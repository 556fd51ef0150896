"""How a call ended, in few words that can be counted: its error class. Pure."""

from __future__ import annotations

from typing import Final

OK: Final = ""
INCOMPLETE: Final = "incomplete"
CLIENT_LEFT: Final = "client_left"
NO_REPLY: Final = "no_reply"

ERROR_CLASSES: Final = {
    "provider_rate_limit": "the provider answered 429",
    "provider_refused": "the provider refused the request (another 4xx)",
    "provider_failed": "the provider failed (5xx)",
    "unreachable": "no provider gave a response: connection, time-out, open circuit breaker",
    "limit": "gl refused the call: quota, budget, rate or concurrency (429)",
    "unauthorized": "gl refused the client (401, 403)",
    "invalid_request": "gl refused the request (other 4xx)",
    "gateway_failed": "gl or a required processor failed (5xx)",
    INCOMPLETE: "the response broke off, or its stream ended with an error",
    CLIENT_LEFT: "the client disconnected before the end of the reply",
    NO_REPLY: "no reply is known: gl was killed during the call",
}
"""All error classes, and what they mean."""

_FIRST_ERROR, _FIRST_SERVER_ERROR, _RATE_LIMIT = 400, 500, 429
_UNAUTHORIZED = frozenset({401, 403})
NO_TARGET: Final = frozenset({502, 503, 504})
"""Statuses of gl when no upstream gave a response."""


def status_class_of(status: int | None) -> int:
    """The first digit of a status; 0 without one."""
    return 0 if status is None else status // 100


def error_class_of(
    status: int | None, inbound_status: int | None, *, sent: bool, completed: bool, client_left: bool
) -> str:
    """The error class of a call, empty if it succeeded.

    `status` is what the client received, `inbound_status` what the last upstream answered. `sent`: a request went to an
    upstream. `completed`: the response reached its end.
    """
    if client_left:
        return CLIENT_LEFT
    if status is None:
        return NO_REPLY
    if status < _FIRST_ERROR:
        return OK if completed else INCOMPLETE
    if inbound_status is not None and inbound_status >= _FIRST_ERROR:
        return _of_provider(inbound_status)
    return _of_gateway(status, sent=sent)


def _of_provider(status: int) -> str:
    if status == _RATE_LIMIT:
        return "provider_rate_limit"
    return "provider_failed" if status >= _FIRST_SERVER_ERROR else "provider_refused"


def _of_gateway(status: int, *, sent: bool) -> str:
    if status == _RATE_LIMIT:
        return "limit"
    if status in _UNAUTHORIZED:
        return "unauthorized"
    if status < _FIRST_SERVER_ERROR:
        return "invalid_request"
    return "unreachable" if sent or status in NO_TARGET else "gateway_failed"
