"""What the beginning of a provider's response tells, before anything of it is sent to the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gecholog.llm.errors import ErrorInfo


class Reply(NamedTuple):
    """A translated reply, without the headers that do not describe its body.

    `error` is what the provider reported in place of an answer or of its rest, with a status of success.
    """

    status: int
    content_type: str
    body: bytes
    error: ErrorInfo | None = None


class Opened(NamedTuple):
    """A response with a status of success, as far as it was read to see whether the attempt failed.

    `status` is the one by which the attempt is judged: that of the error if the response holds one in place of an
    answer, which `error` describes. `reply` is the translation of a response that was read whole, and `body` that
    response; None if it is a stream, or not translated. Then all of it can still be read from the response.
    """

    status: int
    error: str = ""
    body: bytes = b""
    reply: Reply | None = None
