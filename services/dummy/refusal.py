"""Errors as the OpenAI API tells them: a status, and `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

from http import HTTPStatus

import orjson

_KINDS: dict[int, tuple[str, str | None]] = {
    HTTPStatus.TOO_MANY_REQUESTS: ("rate_limit_error", "rate_limit_exceeded"),
    HTTPStatus.UNAUTHORIZED: ("authentication_error", "invalid_api_key"),
    HTTPStatus.FORBIDDEN: ("permission_error", None),
}


class Refusal(Exception):
    """A request that is answered with an error. `param` is the field (or header) that is wrong.

    `allow` is the method that the path takes, set if the request came with another one.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = int(status)
        self.kind = kind
        self.param = param
        self.code = code
        self.allow = ""

    @property
    def body(self) -> bytes:
        """The error as JSON."""
        error = {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}
        return orjson.dumps({"error": error})


def made_to_order(status: int) -> Refusal:
    """The error that somebody asked the dummy to answer with."""
    kind, code = _KINDS.get(
        status,
        ("server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error", None),
    )
    return Refusal("The request or the config asked the dummy for this error.", status=status, kind=kind, code=code)
