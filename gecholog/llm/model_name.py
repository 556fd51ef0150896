"""The name of the model in a request, read and replaced in its bytes. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec
import orjson

from gecholog import lenient, rawjson
from gecholog.llm import splice
from gecholog.llm.request import is_true
from gecholog.llm.top_level import TopLevelMember, top_level

_MODEL, _MODELS = "model", "models"
_QUOTED = b'"model"'
_COLON = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_SMALL = 64 * 1024  # bytes of a body that is searched for the name; the walk over a larger one takes less time


_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class NamedModel(NamedTuple):
    """The model of a JSON request in UTF-8: its name, and where it stands.

    The name is empty if it is missing, ambiguous (several members could be the model), or not a string; `end` is 0 if
    there is no place. `may_stream` is False if the request does not ask for a stream, `is_json` is True if
    `text` is strict JSON (RFC 8259); otherwise that is not known.
    """

    text: bytes
    name: str = ""
    start: int = 0
    end: int = 0
    may_stream: bool = True
    is_json: bool = False

    def replaced(self, model: bytes) -> bytes:
        """The request with another name, written as JSON; all other bytes stay."""
        text, start, end = self.text, self.start, self.end
        if not end or text[start:end] == model:
            return text
        return splice.spliced(text, start, model, end)


def find_model(body: bytes) -> NamedModel | None:
    """The model of a JSON request; None if the body is no JSON object.

    Names of members are compared without case: some servers read `Model` as well. Of a request in UTF-16, or with a
    byte order mark, the text is UTF-8.
    """
    text = lenient.in_utf8(body)
    found = _by_search(text) if len(text) <= _SMALL else None
    return _by_walk(text) if found is None else found


def models_in(body: bytes) -> tuple[str, ...]:
    """All names that a server could read as the model of a JSON request; none if it is no JSON object.

    OpenRouter takes more models from a list `models`, and uses them if the first one fails.
    """
    text = lenient.in_utf8(body)
    members = top_level(text) or []
    more = [text[member.start : member.end] for member in members if member.name.lower() == _MODELS]
    named = tuple(_text(text[member.start : member.end]) for member in _named(members))
    return (*named, *(name for written in more for name in _texts(written)))


def _texts(written: bytes) -> tuple[str, ...]:
    """The texts in a JSON list; an empty one for whatever is something else."""
    try:
        values = orjson.loads(written)
    except orjson.JSONDecodeError:
        return ("",)
    if not isinstance(values, list):
        return () if values is None else ("",)
    return tuple(value if isinstance(value, str) else "" for value in values)


def _text(written: bytes) -> str:
    try:
        value = orjson.loads(written) if written else ""
    except orjson.JSONDecodeError:
        return ""
    return value if isinstance(value, str) else ""


def _by_search(text: bytes) -> NamedModel | None:
    """The model of most requests: its name is written once, without escapes. None if that is not so."""
    at = text.find(_QUOTED)
    if at < 0 or text.find(_QUOTED, at + 1) >= 0 or (b"\\" in text and b"\\u00" in text):
        return None
    value = _COLON.match(text, at + len(_QUOTED))
    try:
        members = _members(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if value is None or [name for name in members if name.lower() == _MODEL] != [_MODEL]:
        return None
    start, written, stream = value.end(), bytes(members[_MODEL]), members.get("stream")
    may_stream = stream is not None and is_true(bytes(stream))
    return NamedModel(text, _text(written), start, start + len(written), may_stream, rawjson.is_utf8(text))


def _by_walk(text: bytes) -> NamedModel | None:
    found = top_level(text)
    if found is None:
        return None
    named = _named(found)
    if len(named) != 1 or named[0].name != _MODEL:
        return NamedModel(text)
    start, end = named[0].start, named[0].end
    return NamedModel(text, _text(text[start:end]), start, end)


def _named(members: list[TopLevelMember]) -> list[TopLevelMember]:
    return [member for member in members if member.name.lower() == _MODEL]
