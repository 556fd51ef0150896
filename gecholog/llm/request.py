"""Tells what a request asks for, by its path, its headers and the top level of its body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from gecholog import rawjson
from gecholog.errors import NotJson

_SMALL = 1024 * 1024  # bytes
_SSE = "text/event-stream"
_GEMINI = ":streamgeneratecontent"
_OLLAMA = ("/api/chat", "/api/generate")  # they stream by default


class RequestMembers(msgspec.Struct, gc=False):
    """The values of a request's members that matter here, as they were written; without bytes if they are not there.

    Of a member that comes twice the last counts.
    """

    model: msgspec.Raw = msgspec.Raw()
    stream: msgspec.Raw = msgspec.Raw()
    stream_options: msgspec.Raw = msgspec.Raw()
    messages: msgspec.Raw = msgspec.Raw()
    prompt: msgspec.Raw = msgspec.Raw()
    data_sources: msgspec.Raw = msgspec.Raw()


_members = msgspec.json.Decoder(RequestMembers).decode

# What servers read as true that are not strict, pydantic's and so vLLM's among them: others refuse it.
# https://docs.pydantic.dev/latest/concepts/conversion_table/
_TRUE = frozenset({b"true", b"1", b"1.0", b'"true"', b'"1"', b'"t"', b'"yes"', b'"y"', b'"on"'})


def is_true(written: bytes) -> bool:
    """Tell whether a server may read a member's value, as it was written, as true."""
    return written == b"true" or written.lower() in _TRUE


def members(body: bytes) -> RequestMembers | None:
    """The members of a request; None if `body` is no JSON object.

    msgspec walks over it once without making values of the rest: 50 MB take some 15 to 30 ms. It refuses lone
    surrogates (half an emoji, say) and great depth; a large body of great depth is None as well. In a large one lone
    surrogates are other characters.
    """
    try:
        return _members(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _by_grammar(body) if len(body) <= _SMALL else _of_large(body)


def _of_large(body: bytes) -> RequestMembers | None:
    try:
        return _members(rawjson.without_surrogates(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _by_grammar(body: bytes) -> RequestMembers | None:
    try:
        found = rawjson.split(body)
    except NotJson:
        return None
    return RequestMembers(
        **{name: msgspec.Raw(found[name]) for name in RequestMembers.__struct_fields__ if name in found}
    )


class HttpRequest(NamedTuple):
    """A request as it is sent to the upstream: path and query are encoded, header names canonical."""

    path: str
    query: str
    headers: Mapping[str, Sequence[str]]
    body: bytes


def asks_for_stream(request: HttpRequest) -> bool:
    """Tell whether a request asks for a stream."""
    path = request.path.lower()
    if path.endswith(_GEMINI) or "alt=sse" in request.query.lower().split("&"):
        return True
    if any(_SSE in value.lower() for value in request.headers.get("Accept", ())):
        return True
    asked = members(request.body)
    written = b"" if asked is None else bytes(asked.stream)
    return is_true(written) or (not written and asked is not None and path.endswith(_OLLAMA))
