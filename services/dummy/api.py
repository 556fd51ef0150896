"""What the dummy's HTTP handler knows of an API: how a request is answered, and how an error looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.dummy.api_error import ApiError
from services.dummy.behaviour import Behaviour
from services.dummy.prompt_cache import PromptCache
from services.dummy.reply import Reply

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `path` is decoded, the names of `headers` are read without case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    how: Behaviour
    cache: PromptCache

    def allow(self, method: str) -> None:
        """Refuse every other method. Raises ApiError."""
        if self.method != method:
            error = ApiError(f"Method not allowed: use {method}.", status=405, code="method_not_supported")
            error.allow = method
            raise error


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """An error as it is sent."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class Api:
    """One API. `answer` raises ApiError; `error` gets the query of the request; `event` is an error inside a stream.

    `wrong_key` is the error for a key that is not one of the config's.
    """

    answer: Callable[[Request], Reply]
    error: Callable[[ApiError, Mapping[str, str]], ErrorReply]
    event: Callable[[ApiError, str], bytes]
    wrong_key: Callable[[], ApiError]


def wrong_key() -> ApiError:
    return ApiError("Incorrect API key provided.", status=401, code="invalid_api_key")
