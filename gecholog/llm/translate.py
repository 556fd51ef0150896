"""Translation: a client speaks one dialect, a provider another. Pure.

    request = read_request(client, body)             once for a call
    Translation(client, provider, request, context)  for each provider that is asked

Neither dialect knows the other: all goes through the neutral form (`chat`, `deltas`).
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from gecholog import lenient
from gecholog.errors import NotJson
from gecholog.llm import json_text
from gecholog.llm.chat import ChatRequest
from gecholog.llm.chat_dialect import ChatDialect, Json, ReplyContext, Target
from gecholog.llm.deltas import Delta, Failed, Started
from gecholog.llm.dialect import is_error
from gecholog.llm.errors import ErrorInfo, InvalidRequestError, InvalidResponseError, unusable
from gecholog.llm.event import Event, StreamDecoder, UnreadableEvent
from gecholog.llm.folding import fold
from gecholog.llm.framing import begins_as_stream, decoder_of
from gecholog.llm.sse import SseDecoder
from gecholog.llm.whole_as_deltas import deltas_of

_BAD_GATEWAY = 502
# What a provider sends while its model is silent: comments of SSE, and pings of Anthropic's API.
_KEEPS_ALIVE = re.compile(rb"[\r\n]*+(?:(?::|event: ?ping\r?\ndata:)[^\r\n]*+[\r\n]++)+")
_COMMENT = b": keep-alive\n\n"
_UNREADABLE = unusable("the answer of the provider cannot be read")


class TranslationError(Exception):
    """The answer of the provider is an error, or cannot be read."""

    def __init__(self, error: ErrorInfo) -> None:
        super().__init__(error.message)
        self.error = error


class TranslatedBody(NamedTuple):
    """A `WrittenRequest`, with its body as JSON."""

    body: bytes
    dropped: tuple[str, ...]
    method: str = ""


def read_request(client: ChatDialect, body: bytes) -> ChatRequest:
    """The request of a client. Raises InvalidRequestError."""
    if client.read_request is None:
        raise InvalidRequestError("", f"{client.name} is no dialect of clients")
    value = _parse(body)
    if not isinstance(value, dict):
        raise InvalidRequestError("", "the body must be a JSON object")
    try:
        return client.read_request(value)
    except NotJson:
        raise InvalidRequestError("", "the body is nested too deep") from None


def _parse(body: bytes) -> object:
    """Parse JSON, with small errors repaired and all digits of numbers kept. Returns None if it is not JSON."""
    with suppress(NotJson):
        return json_text.loads(body)
    found = lenient.strict(body)
    try:
        return None if found is None else json_text.loads(found.data)
    except NotJson:
        return None


@dataclass(frozen=True, slots=True)
class Translation:
    """The translation of one call. `context` is what the answer of the client needs."""

    client: ChatDialect
    provider: ChatDialect
    request: ChatRequest
    context: ReplyContext

    @property
    def is_streamed(self) -> bool:
        """Whether the client asked for a stream."""
        return self.request.is_streamed

    def sent(self, target: Target) -> TranslatedBody:
        """The request for the provider. Raises UnsupportedParameterError, and InvalidRequestError if it is too deep."""
        try:
            written = self.provider.write_request(self.request, target)
            return TranslatedBody(json_text.dumps(written.body), written.dropped)
        except (NotJson, RecursionError):
            raise InvalidRequestError("", "the body is nested too deep") from None

    def response(self, body: bytes, content_type: str) -> bytes:
        """The complete response for the client, as a stream if it asked for one. Raises TranslationError."""
        value = _whole(body, content_type)
        if value is None:
            raise TranslationError(_UNREADABLE)
        try:
            response = self.provider.read_response(value)
        except InvalidResponseError as problem:
            raise TranslationError(self._problem(value, body, problem)) from problem
        except NotJson as problem:  # nested too deep
            raise TranslationError(_UNREADABLE) from problem
        if self.request.is_streamed and self.client.stream_writer is not None:
            writer = self.client.stream_writer(self.context)
            return b"".join([writer.write(delta) for delta in deltas_of(response)]) + writer.end()
        if self.client.write_response is None:
            raise TranslationError(_UNREADABLE)
        try:
            return json_text.dumps(self.client.write_response(response, self.context))
        except NotJson:  # nested too deep
            raise TranslationError(_UNREADABLE) from None

    def _problem(self, value: Json, body: bytes, problem: InvalidResponseError) -> ErrorInfo:
        """What a client is told of an answer that is none in spite of its status: the error in it, if there is one."""
        if is_error(value.get("error")) or value.get("type") == "error":
            return self.provider.read_error(_BAD_GATEWAY, body)
        return unusable(f"the answer of the provider cannot be read: {problem}")

    def error(self, status: int, body: bytes) -> bytes:
        """The body of an error of the provider, for the client."""
        return self.written_error(self.provider.read_error(status, body))

    def written_error(self, error: ErrorInfo) -> bytes:
        """The body of an error, for the client."""
        if self.client.write_error is None:
            return b"{}"
        return json_text.dumps(self.client.write_error(error))

    def stream(self) -> StreamTranslator:
        """What translates the stream of the provider."""
        return StreamTranslator(self)


def _whole(body: bytes, content_type: str) -> Json | None:
    """The answer as one object; one that was streamed unasked is folded."""
    if begins_as_stream(body, content_type, is_whole=True):
        folded = fold(body, content_type, completed=True)
        if folded is not None:
            return folded
    value = _parse(body)
    return value if isinstance(value, dict) else None


class StreamTranslator:
    """Translates a stream of a provider piece by piece. Implements `BodyTransform`.

    `has_output` tells whether anything of the answer has come. `error` is what was reported in place of an answer, or
    of its rest.
    """

    __slots__ = ("_decoder", "_has_ended", "_load", "_reader", "_start", "_writer", "error", "has_output")

    rewrites = True

    def __init__(self, translated: Translation) -> None:
        if translated.client.stream_writer is None:
            raise TypeError(f"{translated.client.name} is no dialect of clients")
        self._reader = translated.provider.stream_reader()
        self._load = translated.provider.load_event
        self._writer = translated.client.stream_writer(translated.context)
        self._decoder: StreamDecoder | None = None
        self._start = b""  # the first bytes, until they tell the framing
        self._has_ended = False
        self.has_output = False
        self.error: ErrorInfo | None = None

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the provider, return those for the client.

        Comments and pings that arrive alone become a comment.
        """
        if self._decoder is None:
            data = self._start = self._start + data
            self._decoder = decoder_of(data, self._load)
            if self._decoder is None:
                return b""
            self._start = b""
        try:
            events = self._decoder.feed(data)
        except UnreadableEvent as problem:
            self._decoder = _Ended()
            return self.broke_off(unusable(f"the stream of the provider has an event that {problem}"))
        return self._translated(events) or self._keep_alive(data)

    def _keep_alive(self, data: bytes) -> bytes:
        """A comment for the client, if the provider sends comments or pings to keep the connection alive."""
        return b"" if self._has_ended or not _KEEPS_ALIVE.fullmatch(data) else _COMMENT

    def flush(self) -> bytes:
        """The provider has ended its stream: return the end of the client's."""
        decoder = self._decoder or SseDecoder()
        out = self._translated([*decoder.feed(self._start), *decoder.flush()])
        self._start = b""
        for delta in () if self._has_ended else self._reader.end():
            out += self._write(delta)
        if not self._has_ended:
            out += self._end()
        return out

    def _end(self) -> bytes:
        self._has_ended = True
        try:
            return self._writer.end()
        except (NotJson, RecursionError):
            self.error = _UNREADABLE
            return b""

    def broke_off(self, error: ErrorInfo) -> bytes:
        """The stream broke off: return the error that ends the client's."""
        return b"" if self._has_ended else self._write(Failed(error))

    def _translated(self, events: list[Event]) -> bytes:
        if not events:
            return b""
        out: list[bytes] = []
        for event in events:
            for delta in self._read(event):
                if self._has_ended:
                    break
                out.append(self._write(delta))
        return b"".join(out)

    def _read(self, event: Event) -> list[Delta]:
        try:
            return self._reader.read(event)
        except (NotJson, RecursionError):  # nested too deep
            return [Failed(_UNREADABLE)]

    def _write(self, delta: Delta) -> bytes:
        if isinstance(delta, Failed):
            self.error = delta.error
            self._has_ended = True
        elif not isinstance(delta, Started):
            self.has_output = True
        try:
            return self._writer.write(delta)
        except (NotJson, RecursionError):  # what the client asked for is nested too deep to be told again
            self.error, self._has_ended = _UNREADABLE, True
            return b""


class _Ended:
    """Takes the rest of a stream that is not decoded any more."""

    def feed(self, _data: bytes) -> list[Event]:
        return []

    def flush(self) -> list[Event]:
        return []
