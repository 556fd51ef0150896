"""The limit of output tokens in a request: checked against a cap, and added if the request has none. Pure.

The endpoint is told by the end of its path. Requests to other endpoints stay as they are.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from gecholog import lenient
from gecholog.llm.endpoint_path import plain_path
from gecholog.llm.errors import InvalidRequestError
from gecholog.llm.splice import appended, spliced
from gecholog.llm.top_level import TopLevelMember, top_level


class _Place(NamedTuple):
    """The members that limit output, in an object of this name or, if that is empty, at the top level.

    The first is added to requests that have none.
    """

    names: tuple[str, ...]
    container: str = ""


_CHAT = _Place(("max_tokens", "max_completion_tokens"))
_CHAT_OF_OPENAI = _Place(("max_completion_tokens", "max_tokens"))
_GEMINI = _Place(("maxOutputTokens",), "generationConfig")
_OLLAMA = _Place(("num_predict",), "options")
_CONVERSE = _Place(("maxTokens",), "inferenceConfig")
_MAX_TOKENS = _Place(("max_tokens",))
# By the ends of plain paths, the longer ones first.
_PLACES = {
    "/chat/completions": _CHAT,
    "/completions": _MAX_TOKENS,
    "/responses": _Place(("max_output_tokens",)),
    "/messages": _MAX_TOKENS,
    ":generatecontent": _GEMINI,
    ":streamgeneratecontent": _GEMINI,
    "/api/chat": _OLLAMA,
    "/api/generate": _OLLAMA,
    "/converse": _CONVERSE,
    "/converse-stream": _CONVERSE,
    "/invoke": _MAX_TOKENS,
    "/invoke-with-response-stream": _MAX_TOKENS,
    ":rawpredict": _MAX_TOKENS,
    ":streamrawpredict": _MAX_TOKENS,
    "/chat": _MAX_TOKENS,
}


def has_output(path: str) -> bool:
    """Tell whether an endpoint generates tokens, as far as that is known here."""
    return _place(path, of_openai=False) is not None


def with_cap(body: bytes, path: str, cap: int, *, of_openai: bool = False) -> bytes:
    """A JSON request whose output is limited to `cap` tokens; the same object if it is so already.

    `of_openai`: the provider is OpenAI or Azure, whose newer models refuse `max_tokens` in chat completions. Raises
    InvalidRequestError if the request has a higher limit, or one that cannot be read.
    """
    place = _place(path, of_openai=of_openai)
    if place is None:
        return body
    text = lenient.in_utf8(body)
    if not place.container:
        return _capped(text, body, place.names, cap)
    members = _members(text, place.container)
    found = _named(members, (place.container,))
    if not found:
        return _added(text, members, place.container, _object(place.names[0], cap))
    inside = text[found[0].start : found[0].end]
    if inside == b"null":
        return spliced(text, found[0].start, _object(place.names[0], cap), found[0].end)
    changed = _capped(inside, inside, place.names, cap)
    return body if changed is inside else spliced(text, found[0].start, changed, found[0].end)


def _place(path: str, *, of_openai: bool) -> _Place | None:
    path = plain_path(path)
    found = next((place for end, place in _PLACES.items() if path.endswith(end)), None)
    return _CHAT_OF_OPENAI if of_openai and found is _CHAT else found


def _capped(text: bytes, unchanged: bytes, names: tuple[str, ...], cap: int) -> bytes:
    """An object with a limit of at most `cap`; `unchanged` if it has one."""
    members = _members(text, names[0])
    found = _named(members, names)
    limits = [member for member in found if _limit(text, member, cap) is not None]
    if limits:
        return unchanged
    absent = next((member for member in found if member.name == names[0]), None)  # it is null
    if absent is not None:
        return spliced(text, absent.start, b"%d" % cap, absent.end)
    return _added(text, members, names[0], b"%d" % cap)


def _limit(text: bytes, member: TopLevelMember, cap: int) -> float | None:
    """The limit in a member; None if it is null. Raises InvalidRequestError if it is above the cap."""
    try:
        value = orjson.loads(text[member.start : member.end])
    except orjson.JSONDecodeError:
        value = ""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequestError(member.name, "must be a number")
    if not 0 <= value <= cap:
        raise InvalidRequestError(member.name, f"must be at most {cap}, the limit of the client key")
    return float(value)


def _members(text: bytes, name: str) -> list[TopLevelMember]:
    found = top_level(text)
    if found is None:
        raise InvalidRequestError(name, "cannot be read: the request must be a JSON object")
    return found


def _named(members: list[TopLevelMember], names: tuple[str, ...]) -> list[TopLevelMember]:
    """The members with these names, as servers compare them: some without case, some with or without `_`."""
    wanted = {_plain(name) for name in names}
    found = [member for member in members if _plain(member.name) in wanted]
    if len({_plain(member.name) for member in found}) < len(found):
        raise InvalidRequestError(found[0].name, "must be there once")
    return found


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _object(name: str, cap: int) -> bytes:
    return b'{"%s":%d}' % (name.encode(), cap)


def _added(text: bytes, members: list[TopLevelMember], name: str, value: bytes) -> bytes:
    quoted = b'"%s"' % name.encode()
    return appended(text, quoted, value) if members else b"{" + quoted + b":" + value + b"}"
