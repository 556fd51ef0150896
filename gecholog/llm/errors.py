"""Errors of LLM APIs in a neutral form, and the two that translation raises."""

from __future__ import annotations

from typing import Any, NoReturn

import msgspec

from gecholog.errors import GechologError

_LONGEST_SHOWN = 200  # characters of a value in an error


class ErrorInfo(msgspec.Struct, frozen=True):
    """What a provider reports. `type` and `code` are its own words, empty or None if it has none.

    `status` is the HTTP status; of an error inside a stream it is the one that fits best (500 if nothing tells).
    """

    status: int
    message: str
    type: str = ""
    code: str | None = None
    param: str | None = None


# The type and the code of errors that the gateway reports about a provider; its own errors have the same.
_KIND, _CODE = "api_error", "upstream_error"


def unusable(message: str) -> ErrorInfo:
    """The error for an answer of a provider that the gateway cannot use."""
    return ErrorInfo(502, message, _KIND, _CODE)


# What a stream ends with that stopped before its provider said that it was complete.
BROKEN_OFF = unusable("the stream of the provider ended before the answer was complete")


class InvalidRequestError(GechologError):
    """A request is not one of its dialect: `param` is the path of what is wrong, `messages[2].content` for example."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"{param}: {message}" if param else message)
        self.param = param


class UnsupportedParameterError(GechologError):
    """A request asks for something that changes the answer and that the target's dialect cannot express."""

    def __init__(self, param: str, message: str = "") -> None:
        super().__init__(message or f"{param} is not supported")
        self.param = param


class InvalidResponseError(GechologError):
    """An answer of a provider is not one of its dialect."""


def refuse_several(n: int | None, provider: str) -> None:
    """Raise UnsupportedParameterError if a request wants more than one answer, of a provider that gives one."""
    if n is not None and n > 1:
        raise UnsupportedParameterError("n", f"n must be 1: {provider} gives one answer to a request")


def refuse_required(required: dict[str, Any]) -> NoReturn:
    """Raise UnsupportedParameterError for the first of some fields, at least one, that a dialect cannot express."""
    name, value = next(iter(required.items()))
    told = f"{name} is not supported" + (f": {value}" if isinstance(value, str) and len(value) < _LONGEST_SHOWN else "")
    raise UnsupportedParameterError(name, told)
