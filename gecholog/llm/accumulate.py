"""JSON values that arrive in pieces. Pieces are collected and joined once, so that a long text costs linear time.

grow             add the next piece of an object: texts are continued, objects grow, lists get longer, the rest is
                 replaced
replace_fields   add the next state of an object: each field replaces the previous one, token usage is merged
finalize         return the accumulated value
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gecholog.llm.dialect import is_error
from gecholog.llm.usage_fields import USAGE_FIELDS, merge_usage

# Fields that are labels: senders repeat them in every piece, so they are not concatenated.
_LABELS = frozenset({"role", "id", "type", "name", "format", "object", "model", "status"})
# Items of a list of content that have no index; those of one type that follow each other are one text.
_TEXT_TYPES = ("text", "thinking")


class GrowingText(list[str]):
    """The pieces of a text."""

    __slots__ = ()


class GrowingObject(dict[str, Any]):
    """An object to which at least one piece was added."""

    __slots__ = ()


class GrowingList:
    """A list to which at least one piece was added. Items with the same `index` are pieces of one item."""

    __slots__ = ("_positions", "items")

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = list(items)
        self._positions = {index_of(item): position for position, item in enumerate(self.items)}

    def extend(self, items: Iterable[Any]) -> None:
        """Add items, or pieces of them."""
        for item in items:
            position = self._position(item)
            if position is None:
                self._positions[index_of(item)] = len(self.items)
                self.items.append(item)
            else:
                self.items[position] = _grown(self.items[position], item)

    def _position(self, item: Any) -> int | None:
        index = index_of(item)
        if index is not None:
            return self._positions.get(index)
        return len(self.items) - 1 if self.items and _continues(self.items[-1], item) else None


def index_of(item: Any) -> int | None:
    """The `index` of an object in a list; None if it has no usable one."""
    index = item.get("index") if isinstance(item, dict) else None
    return index if type(index) is int else None


def _continues(last: Any, item: Any) -> bool:
    if not (isinstance(last, dict) and isinstance(item, dict)):
        return False
    return item.get("type") in _TEXT_TYPES and item.get("type") == last.get("type")


def grow(target: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Add `piece` to `target`. A null does not replace an existing value."""
    for name, value in piece.items():
        old = target.get(name)
        if type(old) is GrowingText and type(value) is str:  # nearly always
            old.append(value)
        elif old is None or old == "":
            target[name] = old if value is None else value
        elif value is not None and not (name in _LABELS and isinstance(value, str)):
            target[name] = _grown(old, value)


def _grown(old: Any, value: Any) -> Any:
    match value:
        case str():
            return _longer(old, value)
        case dict() if isinstance(old, dict):
            target = old if isinstance(old, GrowingObject) else GrowingObject(old)
            grow(target, value)
            return target
        case list():
            return _more(old, value)
    return value


def _longer(old: Any, piece: str) -> Any:
    match old:
        case GrowingText():
            old.append(piece)
            return old
        case str():
            return GrowingText((old, piece))
        case GrowingList() | list():
            # content that began as a list of parts goes on as text
            return _more(old, [{"type": "text", "text": piece}] if piece else [])
    return piece


def _more(old: Any, items: list[Any]) -> Any:
    match old:
        case GrowingList():
            row = old
        case GrowingText() | str():
            row = GrowingList([GrowingObject(type="text", text=old)])
        case list():
            row = GrowingList(old)
        case _:
            return items
    row.extend(items)
    return row


def replace_fields(target: dict[str, Any], state: Mapping[str, Any]) -> None:
    """Replace the fields of `target` by those of `state`; an empty value (null, "", [], {}) replaces nothing.

    Token usage is merged field by field instead, see `merge_usage`, and an error is replaced only by another error.
    """
    for name, value in state.items():
        if name in USAGE_FIELDS and isinstance(value, dict):
            known = target.get(name)
            usage = target[name] = known if isinstance(known, dict) else {}
            merge_usage(usage, value)
        elif name == "error" and target.get(name) is not None and not is_error(value):
            continue
        elif value or value == 0 or name not in target:
            target[name] = value


def finalize(value: Any) -> Any:
    """Return the accumulated value. Parts that arrived in one piece are returned unchanged."""
    match value:
        case GrowingText():
            return joined(value)
        case GrowingObject():
            return {name: finalize(item) for name, item in value.items()}
        case GrowingList():
            return [finalize(item) for item in value.items]
    return value


def joined(pieces: Iterable[str]) -> str:
    """Join the pieces of a text. A character that the sender split into two surrogates is restored."""
    text = "".join(pieces)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
