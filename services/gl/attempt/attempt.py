"""An attempt: one request to one candidate, as a value that is complete before it is sent. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gecholog.headers import Headers
    from gecholog.llm.translate import StreamTranslator, Translation
    from gecholog.llm.translate_whole import WholeTranslation
    from services.gl.bodies.transform import BodyTransform
    from services.gl.candidates.candidate import Candidate
    from services.gl.http import UpstreamRequest
    from services.gl.record.section import RecordSection


class TranslatedRequest(NamedTuple):
    """The request for a candidate of another dialect than the client's, and what translates the answer.

    `dropped` names the hints that were left out, `method` the method in the path, if the request decides it.
    """

    translation: Translation | WholeTranslation
    body: bytes
    dropped: tuple[str, ...]
    method: str = ""


class Attempt(NamedTuple):
    """A request to one candidate, and how the record shows it.

    `section` is the request section of the record, completed for this attempt. `url` and `shown_headers` are for the
    record, with masked secrets. `transform` is applied to the body of the response. `asks_usage`: gl, not the client,
    requested the usage of a stream. `translation` is set if the provider speaks another dialect than the client,
    `stream` if its response is translated event by event, by `transform`; `dropped` names hints that were left out.
    """

    candidate: Candidate
    request: UpstreamRequest
    section: RecordSection
    url: str
    shown_headers: Headers
    transform: BodyTransform | None = None
    asks_usage: bool = False
    translation: Translation | WholeTranslation | None = None
    stream: StreamTranslator | None = None
    dropped: tuple[str, ...] = ()
