"""The name of the model in a request, read and replaced in its bytes. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

import orjson

from gecholog import lenient, rawjson
from gecholog.llm import splice
from gecholog.llm.request import members
from gecholog.llm.top_level import Member, top_level

_MODEL = "model"
_QUOTED = b'"model"'
_COLON = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_SMALL = 64 * 1024  # bytes of a body that is searched for the name; the walk over a larger one takes less time


class _Place(NamedTuple):
    """Where the value of the member stands; `end` is 0 if there is none, or several that could be meant."""

    start: int = 0
    end: int = 0


def model_in(body: bytes) -> str | None:
    """The name in a JSON request; empty if it has none, several, or something else than a text.

    None if the body is no JSON object. Names of members are compared without case: some servers read `Model` as well.
    """
    text = lenient.in_utf8(body)
    place = _place(text)
    return None if place is None else _text(text[place.start : place.end])


def models_in(body: bytes) -> tuple[str, ...]:
    """All names that a server could read as the model of a JSON request; none if it is no JSON object."""
    text = lenient.in_utf8(body)
    return tuple(_text(text[member.start : member.end]) for member in _named(top_level(text) or []))


def _text(written: bytes) -> str:
    try:
        value = orjson.loads(written) if written else ""
    except orjson.JSONDecodeError:
        return ""
    return value if isinstance(value, str) else ""


def with_model(body: bytes, model: str) -> bytes:
    """A JSON request, which names a model, with another name in its place; all other bytes stay.

    Of a request in UTF-16, or with a byte order mark, the text is sent in UTF-8.
    """
    text = lenient.in_utf8(body)
    place = _place(text)
    if place is None or not place.end:
        return body
    new = rawjson.dumps(model)
    return body if text[place.start : place.end] == new else splice.spliced(text, place.start, new, place.end)


def _place(text: bytes) -> _Place | None:
    """The place of the only member that could be taken for the model; None if `text` is no JSON object."""
    if len(text) <= _SMALL and text.lower().count(_QUOTED) == 1 and b"\\u00" not in text:
        found = members(text)
        value = _COLON.match(text, text.find(_QUOTED) + len(_QUOTED))
        if found is not None and found.model and value is not None:  # written like this it is nowhere else
            return _Place(value.end(), value.end() + len(memoryview(found.model)))
    return _by_walk(text)


def _named(members: list[Member]) -> list[Member]:
    return [member for member in members if member.name.lower() == _MODEL]


def _by_walk(text: bytes) -> _Place | None:
    found = top_level(text)
    if found is None:
        return None
    named = _named(found)
    return _Place(named[0].start, named[0].end) if len(named) == 1 and named[0].name == _MODEL else _Place()
