"""Finds the token usage of a response without decoding, or even having, all of it.

search_body       of a body that is one JSON object; usage_in is its short form
usage_of_events   of the events of a stream that no dialect recognises
usage_at_ends     of the first and the last bytes of a body
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import orjson

from gecholog import lenient
from gecholog.errors import NotJson
from gecholog.llm import answer_model
from gecholog.llm.accumulate import replace_fields
from gecholog.llm.event import BOM, Event
from gecholog.llm.json_array import JsonArrayDecoder
from gecholog.llm.json_ends import Members, first_members, last_members
from gecholog.llm.json_lines import JsonLinesDecoder
from gecholog.llm.sse import SseDecoder, begins_as_sse
from gecholog.llm.usage import Usage, usage_of
from gecholog.llm.usage_shapes import MEMBERS

END = 64 * 1024  # bytes of either end of a body to keep for `usage_at_ends`
_LARGEST_VALUE = 64 * 1024  # bytes; a larger one is no usage
_LONGEST_NAME = 1024  # bytes of the name of a model
_SMALL = 256 * 1024  # bytes of a body that is read by any grammar that servers write
_WITH_ALL = frozenset({"usage", "usageMetadata"})  # members that hold all counts: nothing else is looked for
_INSIDE = ("message", "response", "delta", "metadata")  # where events have what answers have at their top
_BLANK_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")

_READ = (*MEMBERS, *answer_model.MEMBERS)
# The members of an answer in which usage may be, and those with its model, as they were written.
_Body = msgspec.defstruct(
    "Body",
    [
        (f"f{number}", msgspec.Raw | msgspec.UnsetType, msgspec.field(default=msgspec.UNSET, name=name))
        for number, name in enumerate(_READ)
    ],
    gc=False,
)
_read = msgspec.json.Decoder(_Body).decode
_USAGE = f"f{MEMBERS.index('usage')}"
_PLACES = tuple((f"f{number}", name) for number, name in enumerate(MEMBERS))
_MODELS = tuple(f"f{_READ.index(name)}" for name in answer_model.MEMBERS)


class _Statistics(msgspec.Struct, gc=False):
    token_count: Any = None


class _Embeddings(msgspec.Struct, gc=False):
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct, gc=False):
    embeddings: _Embeddings | None = None


_predictions = msgspec.json.Decoder(list[_Prediction]).decode


class SearchedBody(NamedTuple):
    """The result of searching a body that may be a JSON object.

    `is_json` tells that it is one by its grammar, so that it need not be read again. False says nothing, and whether
    its strings are UTF-8 was not looked at. `model` is the model that it names; empty if it names none.
    """

    usage: Usage | None
    is_json: bool
    model: str = ""


def search_body(body: bytes) -> SearchedBody:
    """Search a body for usage.

    msgspec walks over it once and makes values of the few members that matter only, so that 10 MB take some 5 ms.
    """
    try:
        found = _read(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return SearchedBody(_usage_in_odd(body), is_json=False)
    raw = getattr(found, _USAGE)  # nearly every answer has it
    usage = None if raw is msgspec.UNSET else usage_of({"usage": _value("usage", bytes(raw))})
    return SearchedBody(usage or usage_of(_values(found)), is_json=True, model=_model(found))


def usage_in(body: bytes) -> Usage | None:
    """The usage in a JSON object; None without usage, or if the body is not a JSON object."""
    return search_body(body).usage


def _model(found: Any) -> str:
    for place in _MODELS:
        raw = getattr(found, place)
        if raw is not msgspec.UNSET and (name := _text(bytes(raw))):
            return name
    return ""


def _text(raw: bytes) -> str:
    """The text of a JSON string; empty for another value."""
    if len(raw) > _LONGEST_NAME or not raw.startswith(b'"'):
        return ""
    if raw.find(b"\\") < 0 and raw.isascii():  # nearly every name
        return raw[1:-1].decode()
    try:
        text: str = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return ""
    return text


def _values(found: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for place, name in _PLACES:
        raw = getattr(found, place)
        if raw is not msgspec.UNSET:
            values[name] = _value(name, bytes(raw))
    return values


def _value(name: str, raw: bytes) -> Any:
    if name == "predictions":
        return _of_predictions(raw)
    if name == "result":  # an answer in an envelope
        return _values(_read(raw)) if raw.startswith(b"{") else None
    try:
        return orjson.loads(raw) if len(raw) <= _LARGEST_VALUE else None
    except orjson.JSONDecodeError:  # a number that no float holds
        return None


def _of_predictions(raw: bytes) -> Any:
    """Vertex's embeddings without their numbers."""
    try:
        return msgspec.to_builtins(_predictions(raw))
    except msgspec.MsgspecError:
        return None


def _usage_in_odd(body: bytes) -> Usage | None:
    """The same of JSON that is a little off, as `lenient` reads it; of a large body only the ends are looked at."""
    if len(body) > _SMALL:
        return usage_at_ends(body[:END], body[-END:])
    try:
        value = lenient.loads(body)
    except NotJson:
        return None
    return usage_of(value) if isinstance(value, dict) else None


def usage_of_events(events: Iterable[Event]) -> Usage | None:
    """The usage in events, at their top level or where known APIs have it. A later count replaces an earlier one."""
    answer: dict[str, Any] = {}
    for _, value in events:
        for part in (value, *(value.get(name) for name in _INSIDE)):
            if isinstance(part, dict):
                replace_fields(answer, {name: part[name] for name in MEMBERS if name in part})
    return usage_of(answer)


def usage_at_ends(head: bytes, tail: bytes) -> Usage | None:
    """The usage of a body without its middle: JSON, SSE, JSON lines, or a JSON array of chunks.

    `head` are its first bytes, `tail` its last; they may overlap. Text in strings is never taken for usage. None as
    well if the usage is in neither.
    """
    start = head.removeprefix(BOM).lstrip()
    if begins_as_sse(head):
        return usage_of_events(_sse_ends(head, tail))
    if start.startswith(b"["):
        last = last_members(tail.rstrip().removesuffix(b"]").rstrip(), _WITH_ALL)
        return usage_of_events([*JsonArrayDecoder().feed(head), _event(last)])
    if not start.startswith(b"{"):
        return None
    last = last_members(tail, _WITH_ALL)
    if last.outside is not None and last.outside.strip() and b"\n" in last.outside[-2:]:
        return usage_of_events([*JsonLinesDecoder().feed(head), *_last_lines(tail)])
    first = first_members(start, _WITH_ALL)
    values = first.values(MEMBERS) | last.values(MEMBERS)
    if last.inner and "success" in values:
        values["result"] = last.inner_values(MEMBERS)
    return usage_of(values)


def _sse_ends(head: bytes, tail: bytes) -> list[Event]:
    """The events at both ends; of the one that `tail` begins in, what can be read from its end."""
    cut = min(((at, blank) for blank in _BLANK_LINES if (at := tail.find(blank)) >= 0), default=(len(tail), b""))
    at, blank = cut
    decoder = SseDecoder()
    last = decoder.feed(tail[at + len(blank) :])
    return [*SseDecoder().feed(head), _event(last_members(tail[:at], _WITH_ALL)), *last, *decoder.flush()]


def _last_lines(tail: bytes) -> list[Event]:
    decoder = JsonLinesDecoder()
    return [*decoder.feed(tail.partition(b"\n")[2]), *decoder.flush()]


def _event(members: Members) -> Event:
    return Event("", members.values(MEMBERS) | {"response": members.inner_values(MEMBERS)})
