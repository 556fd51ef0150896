"""Errors in the format of the OpenAI API: a status, and `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

from http import HTTPStatus

import orjson

_KINDS: dict[int, tuple[str, str | None]] = {
    HTTPStatus.TOO_MANY_REQUESTS: ("rate_limit_error", "rate_limit_exceeded"),
    HTTPStatus.UNAUTHORIZED: ("authentication_error", "invalid_api_key"),
    HTTPStatus.FORBIDDEN: ("permission_error", None),
}


class ApiError(Exception):
    """An error reply. `param` is the invalid field or header.

    `allow` is the method that the path supports, if the request used another one.
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
        """The body of the reply."""
        error = {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}
        return orjson.dumps({"error": error})


def requested_error(status: int) -> ApiError:
    """Return the error that the request or the config asks for."""
    kind, code = _KINDS.get(
        status,
        ("server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error", None),
    )
    return ApiError("The request or the config asked the dummy for this error.", status=status, kind=kind, code=code)
