"""Decodes only those parts of a message that patterns refer to.

A payload may be long and contain few counts. The paths of all patterns are compiled into a type of nested structs, and
msgspec decodes into it in one pass over the bytes. A message that does not fit this type, for example with a string in
place of an object, or JSON that msgspec rejects, is decoded as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from gecholog import gjson, rawjson
from gecholog.errors import NotJson

ROUTER = "gl_path"
REQUEST = "ingress_payload"  # only requests have this field,
METHOD = "ingress_method"  # or this one, which can be sent without the payload

_MARKS = frozenset({REQUEST, METHOD})

_Paths = Collection[gjson.Path]
_UNFIT = frozenset('"\\')  # msgspec rejects field names that contain these


class MessageReader:
    """Pass the result of `read` only to `router`, `is_request` and `get` of the same reader."""

    def __init__(self, paths: Iterable[gjson.Path]) -> None:
        wanted = {(ROUTER,): None, (REQUEST,): None, (METHOD,): None} | dict.fromkeys(paths)
        self._decode = msgspec.json.Decoder(_struct(wanted, _MARKS)).decode if _is_object(wanted) else _whole
        self._ways = {path: _way(wanted, path) for path in wanted}

    def read(self, message: bytes) -> Any:
        """Decode a message. None if it is not a JSON object; `null` counts as an empty one."""
        try:
            found = self._decode(message)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _whole(message)
        return found if rawjson.is_utf8(message) else None  # msgspec does not check it

    def router(self, found: Any) -> Any:
        """Return the value of `gl_path`, or MISSING."""
        return found.get(ROUTER, gjson.MISSING) if type(found) is dict else _set(found.f0)

    def is_request(self, found: Any) -> bool:
        """Tell whether a message is about a request."""
        if type(found) is dict:
            return REQUEST in found or METHOD in found
        return found.f1 is not msgspec.UNSET or found.f2 is not msgspec.UNSET

    def get(self, found: Any, path: gjson.Path) -> Any:
        """Return the value at one of the paths, or MISSING."""
        if type(found) is dict:
            return gjson.get(found, path)
        names, rest = self._ways[path]
        for name in names:
            found = getattr(found, name, msgspec.UNSET)
        return gjson.get(found, rest) if rest else _set(found)


def _whole(message: bytes) -> dict[str, Any] | None:
    try:
        value = rawjson.loads(message)
    except NotJson:
        return None
    if value is None:  # as in the original
        return {}
    return value if isinstance(value, dict) else None


def _set(value: Any) -> Any:
    return gjson.MISSING if value is msgspec.UNSET else value


def _steps(paths: _Paths) -> dict[str, list[gjson.Path]]:
    """Group paths by their first step, and return the rest of each."""
    steps: dict[str, list[gjson.Path]] = {}
    for path in paths:
        steps.setdefault(path[0], []).append(path[1:])
    return steps


def _is_object(paths: _Paths) -> bool:
    """Tell whether all paths select members of an object. Numbers and # have another meaning in an array."""
    return all(path and _is_name(path[0]) for path in paths)


def _is_name(step: str) -> bool:
    return step != gjson.EACH and not step.isdigit() and step.isprintable() and not _UNFIT & set(step)


def _struct(paths: _Paths, marks: AbstractSet[str] = frozenset()) -> type[msgspec.Struct]:
    """Return a struct with a field `f0`, `f1`, … for each step, because a step may have any name.

    The values of `marks` are not decoded and stay bytes.
    """
    steps = _steps(paths)
    names = {f"f{number}": step for number, step in enumerate(steps)}
    members = [
        (name, msgspec.Raw | msgspec.UnsetType if step in marks else _type(steps[step]), msgspec.UNSET)
        for name, step in names.items()
    ]
    return msgspec.defstruct("Part", members, rename=names, gc=False)


def _type(paths: _Paths) -> Any:
    return (_struct(paths) | None if _is_object(paths) else Any) | msgspec.UnsetType


def _way(paths: _Paths, path: gjson.Path) -> tuple[tuple[str, ...], gjson.Path]:
    """Return the attributes along `path` as far as there are structs, and the remaining steps."""
    names: list[str] = []
    for depth, step in enumerate(path):
        if not _is_object(paths):
            return tuple(names), path[depth:]
        steps = _steps(paths)
        names.append(f"f{list(steps).index(step)}")
        paths = steps[step]
    return tuple(names), ()
