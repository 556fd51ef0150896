"""The name of the model in a request, read and replaced in its bytes. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

import orjson

from gecholog import lenient, rawjson
from gecholog.llm import splice
from gecholog.llm.request import members
from gecholog.llm.top_level import TopLevelMember, top_level

_MODEL = "model"
_QUOTED = b'"model"'
_COLON = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_SMALL = 64 * 1024  # bytes of a body that is searched for the name; the walk over a larger one takes less time


class NamedModel(NamedTuple):
    """The model of a JSON request in UTF-8: its name, and where it stands.

    The name is empty if there is none, or several that could be meant; `end` is 0 then.
    """

    text: bytes
    start: int = 0
    end: int = 0

    @property
    def name(self) -> str:
        """The name; empty as well if it is something else than a text."""
        return _text(self.text[self.start : self.end])

    def replaced(self, model: str) -> bytes:
        """The request with another name; all other bytes stay."""
        new = rawjson.dumps(model)
        if not self.end or self.text[self.start : self.end] == new:
            return self.text
        return splice.spliced(self.text, self.start, new, self.end)


def find_model(body: bytes) -> NamedModel | None:
    """The model of a JSON request; None if the body is no JSON object.

    Names of members are compared without case: some servers read `Model` as well. Of a request in UTF-16, or with a
    byte order mark, the text is UTF-8.
    """
    return _place(lenient.in_utf8(body))


def model_in(body: bytes) -> str | None:
    """The name of the model in a JSON request, as `find_model` finds it."""
    found = find_model(body)
    return None if found is None else found.name


def with_model(body: bytes, model: str) -> bytes:
    """A JSON request with another model; unchanged if it names none."""
    found = find_model(body)
    return body if found is None or not found.end else found.replaced(model)


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


def _place(text: bytes) -> NamedModel | None:
    """The only member that could be taken for the model; None if `text` is no JSON object."""
    if len(text) <= _SMALL and text.lower().count(_QUOTED) == 1 and b"\\u00" not in text:
        found = members(text)
        value = _COLON.match(text, text.find(_QUOTED) + len(_QUOTED))
        if found is not None and found.model and value is not None:  # written like this it is nowhere else
            return NamedModel(text, value.end(), value.end() + len(memoryview(found.model)))
    return _by_walk(text)


def _by_walk(text: bytes) -> NamedModel | None:
    found = top_level(text)
    if found is None:
        return None
    named = _named(found)
    if len(named) != 1 or named[0].name != _MODEL:
        return NamedModel(text)
    return NamedModel(text, named[0].start, named[0].end)


def _named(members: list[TopLevelMember]) -> list[TopLevelMember]:
    return [member for member in members if member.name.lower() == _MODEL]
