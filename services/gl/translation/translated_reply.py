"""Replies in the client's dialect, translated from the response of a provider that speaks another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from gecholog import headers
from gecholog.llm import translate
from gecholog.llm.translate_whole import ErrorTranslation, WholeTranslation
from services.gl.bodies.transform import Chain
from services.gl.record import decoding, payload
from services.gl.responses.opened import Reply

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from gecholog.llm.errors import ErrorInfo
    from services.gl.attempt.attempt import Attempt
    from services.gl.bodies.transform import BodyTransform

JSON = "application/json"
SSE = "text/event-stream"
_FIRST_ERROR, _LAST_ERROR = 400, 599
_BAD_GATEWAY = 502
_FIRST_REDIRECT = 300
# Headers that describe the body of the provider.
_OF_BODY = frozenset(
    {
        "Content-Digest",
        "Content-Disposition",
        "Content-Encoding",
        "Content-Length",
        "Content-Md5",
        "Content-Range",
        "Content-Type",
        "Digest",
        "Etag",
        "Location",
        "Repr-Digest",
    }
)


class ProviderResponse(NamedTuple):
    """The status and headers of a provider's response, and the translation of its body."""

    status: int
    headers: Headers
    translation: translate.Translation | WholeTranslation | ErrorTranslation

    @property
    def content_type(self) -> str:
        return headers.first(self.headers, "Content-Type")

    @property
    def encoding(self) -> str:
        return ",".join(self.headers.get("Content-Encoding", ()))

    @property
    def is_error(self) -> bool:
        """Whether the provider refused the request, or failed. Redirects are no answers, either."""
        return self.status >= _FIRST_REDIRECT

    def whole(self, body: bytes, limit: int, *, is_stream: bool) -> Reply:
        """Translate a complete body. At most `limit` bytes of it are decoded. `is_stream`: it is a stream of events."""
        data = decoding.decode(body, self.encoding, limit).data if decoding.codings(self.encoding) else body
        if self.is_error:
            status = self.status if self.status >= _FIRST_ERROR else _BAD_GATEWAY
            return Reply(status, JSON, self.translation.error(status, data))
        if is_stream:
            stream = self.translation.stream()
            out = stream.feed(data) + stream.flush()
            if stream.error is not None and not stream.has_output:
                return self.failed(stream.error)
            return Reply(self.status, SSE, out, stream.error)
        try:
            out = self.translation.response(data, self.content_type)
        except translate.TranslationError as problem:
            return self.failed(problem.error)
        return Reply(self.status, SSE if self.translation.is_streamed else JSON, out)

    def failed(self, error: ErrorInfo) -> Reply:
        """The reply for an error in a response with a status of success."""
        return Reply(status_of(error), JSON, self.translation.written_error(error), error)

    def transform(self, stream: translate.StreamTranslator, limit: int) -> BodyTransform:
        """The transform for a streamed body: it decodes the content encoding, if there is one, and translates."""
        if not decoding.codings(self.encoding):
            return stream
        return Chain((_Decoding(self.encoding, limit), stream))


def status_of(error: ErrorInfo) -> int:
    """The status of a reply that reports an error of a response with a status of success."""
    return error.status if _FIRST_ERROR <= error.status <= _LAST_ERROR else _BAD_GATEWAY


def translation_of(attempt: Attempt, status: int) -> translate.Translation | WholeTranslation | ErrorTranslation | None:
    """What translates the response to an attempt; None if it is in the client's dialect."""
    if attempt.translation is not None or status < _FIRST_ERROR:
        return attempt.translation
    provider = attempt.candidate.provider
    return ErrorTranslation() if provider is not None and provider.vertex is not None else None


def reply_headers(inbound: Headers, content_type: str) -> Headers:
    """The headers of a reply: the provider's, except those that describe its body."""
    return headers.without(inbound, _OF_BODY) | {"Content-Type": [content_type]}


async def whole(response: ProviderResponse, body: bytes, limit: int, *, is_stream: bool) -> Reply:
    """Translate a complete body as `ProviderResponse.whole` does. A large or encoded one is translated in a thread."""
    if len(body) > payload.AT_ONCE or response.encoding:
        return await asyncio.to_thread(response.whole, body, limit, is_stream=is_stream)
    return response.whole(body, limit, is_stream=is_stream)


class _Decoding:
    """Undoes the content encoding of a stream that the provider was asked not to encode."""

    rewrites = True

    def __init__(self, encoding: str, limit: int) -> None:
        self._decoder = decoding.Decoder(encoding, limit)

    def feed(self, data: bytes, /) -> bytes:
        return self._decoder.feed(data)

    def flush(self) -> bytes:
        return b""
