"""Reads response bodies: decodes them, folds streams into one object, and finds the token usage. Pure."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import TYPE_CHECKING, NamedTuple

from gecholog import llm
from gecholog.headers import first
from gecholog.media_type import media_type
from services.gl.record import payload

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from services.gl.http import UpstreamRequest
    from services.gl.record.payload import Recorded

_MEDIA = frozenset({"image", "audio", "video", "font"})
_TOO_DEEP = "a stream with an event that is nested too deep to be read"
_UNKNOWN = "a stream of a dialect that gl does not know, so its usage is not counted"


class BodyForm(NamedTuple):
    """What the headers tell about a body: its Content-Type and Content-Encoding, empty if there are none.

    `is_stream`: the Content-Type is one of a stream of events. `request` is the request that the body responds to. If
    it requested a stream, events are a stream whatever their Content-Type is.
    """

    content_type: str
    encoding: str
    is_stream: bool
    request: UpstreamRequest

    @classmethod
    def of(cls, received: Headers, request: UpstreamRequest) -> BodyForm:
        """The form of a body with these headers."""
        content_type = first(received, "Content-Type")
        encoding = ",".join(received["Content-Encoding"]) if "Content-Encoding" in received else ""
        return cls(content_type, encoding, llm.is_stream(content_type), request)

    @property
    def may_have_usage(self) -> bool:
        """Whether a body of this type can contain token usage: an image cannot."""
        return media_type(self.content_type).partition("/")[0] not in _MEDIA

    @property
    def may_have_images(self) -> bool:
        """Whether the request may have asked for images."""
        return "/images/" in self.request.path or self.request.path.endswith(":predict")

    @property
    def asked_for_stream(self) -> bool:
        """Whether the request asked for a stream."""
        request = self.request
        return llm.asks_for_stream(llm.HttpRequest(request.path, request.query, request.headers, request.body))


class Streamed(NamedTuple):
    """A stream: its decoded body, the object that it was folded into, and whether all of it could be decoded."""

    body: bytes
    folded: llm.Answer
    is_complete: bool = True


class BodyReading(NamedTuple):
    """The result of reading a body: its value for the record, the stream that it was, and its token usage.

    `model` is the model that it names, empty if it names none; `images` the number of images in it, None if it was not
    counted.
    """

    recorded: Recorded
    streamed: Streamed | None = None
    usage: llm.Usage | None = None
    model: str = ""
    images: int | None = None


def read_body(body: bytes, form: BodyForm, limit: int, most: int, *, completed: bool) -> BodyReading:
    """Read a body. `limit` is the maximum size after decoding, `most` that of the value for the record, in bytes.

    `completed`: the body was received to its end.
    """
    if not form.encoding:  # most bodies
        return _read(body, form, most, completed=completed)
    decoded = payload.decode_body(body, form.encoding, form.content_type, limit)
    if decoded.fallback is not None:
        return BodyReading(decoded.fallback)
    if decoded.note is None:
        return _read(decoded.data, form, most, completed=completed)
    reading = _read(decoded.data, form, most, completed=False)
    streamed = reading.streamed and reading.streamed._replace(is_complete=False)
    return reading._replace(recorded=decoded.with_note(reading.recorded), streamed=streamed)


def _read(body: bytes, form: BodyForm, most: int, *, completed: bool) -> BodyReading:
    """Read a body without content encoding."""
    content_type = form.content_type
    is_stream = form.is_stream or (llm.looks_streamed(body) and form.asked_for_stream)
    if is_stream:
        folded = llm.fold(body, content_type, completed=completed)
        if folded is not None:
            recorded = payload.recorded_value(folded, most)
            return BodyReading(recorded, Streamed(body, folded), llm.usage_of(folded), llm.model_of(folded))
    if is_stream and llm.begins_as_stream(body, content_type, is_whole=True):
        recorded = payload.recorded(body, content_type, most)
        usage = llm.usage_of_events(llm.events_of(body, content_type))
        if recorded.note and llm.has_deep_event(body, content_type):
            recorded = recorded._replace(note=f"{recorded.note}: {_TOO_DEEP}")
        elif recorded.note and usage is None:
            recorded = recorded._replace(note=f"{recorded.note}: {_UNKNOWN}")
        return BodyReading(recorded, usage=usage)
    start = body.removeprefix(BOM_UTF8).lstrip()[:1]
    if start == b"[" and (folded := llm.fold_array(body)) is not None:  # Gemini streams an array
        recorded = payload.recorded_value(folded, most)
        return BodyReading(recorded, usage=llm.usage_of(folded), model=llm.model_of(folded))
    if start != b"{":
        return BodyReading(payload.recorded(body, content_type, most))
    usage, is_json, model = llm.search_body(body)
    images = llm.count_images(body) if form.may_have_images else None
    recorded = payload.recorded(body, content_type, most, is_json=is_json)
    return BodyReading(recorded, usage=usage, model=model, images=images)
