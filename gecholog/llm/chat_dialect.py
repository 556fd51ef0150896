"""What a chat dialect is: the functions that each folder of `dialects/` that takes part in translation offers.

Everything is pure: no I/O, no clock, and no ids but those that are passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from gecholog.llm.chat import ChatRequest, ChatResponse
from gecholog.llm.deltas import Delta
from gecholog.llm.errors import ErrorInfo
from gecholog.llm.event import Event, Load, load_or_raise

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What a writer of requests needs to know of where they go.

    `model` is the provider's name of it. `max_output_tokens` is what a request without a limit gets where the dialect
    requires one; None: the dialect's own table, by the name of the model. `images` are the bytes of images that were
    fetched for the request, by URL, for dialects that take no URLs. `profile` names the API among those that speak one
    dialect (`openai`, `azure`, `mistral`, `deepseek`, ...), empty if it is not known.
    """

    model: str
    max_output_tokens: int | None = None
    profile: str = ""
    images: dict[str, FetchedImage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """An image in base64, and its media type."""

    data: str
    media_type: str


@dataclass(frozen=True, slots=True)
class WrittenRequest:
    """A request in the dialect of a provider. `dropped` names hints that it has no place for, by the client's names.

    `method` is the method of the API, where that depends on the request and is a part of the path; else it is empty.
    """

    body: Json
    dropped: tuple[str, ...] = ()
    method: str = ""


@dataclass(frozen=True, slots=True)
class ReplyContext:
    """The data that a response writer needs in addition to the response. `request` is the client's.

    `id` is unique for the call: ids that the provider's answer does not have are made from it. `created` is in seconds
    since 1970. `model` is what the client asked for; the answer names the provider's own if that names one.
    """

    request: ChatRequest
    id: str
    created: int
    model: str


class StreamReader(Protocol):
    """Makes deltas of the events of a provider's stream. Never raises on any event."""

    def read(self, event: Event) -> list[Delta]:
        """Take the next event."""

    def end(self) -> list[Delta]:
        """Return what the end of the stream tells: `Failed` if it broke off before its own end."""


class StreamWriter(Protocol):
    """Makes the bytes of a client's stream of deltas."""

    def write(self, delta: Delta) -> bytes:
        """Take the next delta."""

    def end(self) -> bytes:
        """Return the end of the stream. Not called after `Failed`, whose bytes are the end."""


@dataclass(frozen=True, slots=True)
class ChatDialect:
    """One API for chats. A provider's side needs `write_request`, `read_response`, `stream_reader` and `read_error`.

    A client's side needs the opposite of each; they are None for an API that no client of the gateway speaks.

    Raised: `InvalidRequestError` by `read_request`, `UnsupportedParameterError` by `write_request`,
    `InvalidResponseError` by `read_response`, `NotJson` by each of them for what is nested too deep; nothing else, on
    any JSON. `read_error` takes the status and the body of an answer, whatever it is. `load_event` parses the events of
    the provider's stream.
    """

    name: str
    write_request: Callable[[ChatRequest, Target], WrittenRequest]
    read_response: Callable[[Json], ChatResponse]
    stream_reader: Callable[[], StreamReader]
    read_error: Callable[[int, bytes], ErrorInfo]
    load_event: Load = load_or_raise
    read_request: Callable[[Json], ChatRequest] | None = None
    write_response: Callable[[ChatResponse, ReplyContext], Json] | None = None
    stream_writer: Callable[[ReplyContext], StreamWriter] | None = None
    write_error: Callable[[ErrorInfo], Json] | None = None
