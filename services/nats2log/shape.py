"""Shapes records for a destination: selects fields, repeats payloads, flattens, truncates. Pure functions.

Selecting keeps the bytes of the values. Flattening and truncating parse the record and serialize it again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.record import TWINS, UNCHANGED, with_all_payloads, without_copies
from services.nats2log.payload_fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str, ...]
Tree = dict[str, "Tree"]  # paths as a tree; an empty tree selects the whole value

# Azure tables: names consist of at most 45 letters, digits and _, and begin with a letter.
_MAX_COLUMN_NAME = 45
_NOT_IN_COLUMN_NAME = re.compile(r"[^A-Za-z0-9_]")
_MAX_COLUMNS = 200  # per row; an Azure table has 500 for all its rows
_REST = "more_columns"
_PAYLOAD = "_payload"
_MORE = "more"  # payload fields without a column of their own
_DIGEST = 6  # characters that distinguish two truncated names
_SECTIONS = ("request", "response")
_PAYLOADS = frozenset({*TWINS, *TWINS.values()})
_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")


@dataclass(frozen=True, slots=True)
class Shape:
    """The section `fields`. Paths list names from the outermost in.

    With `repeats_payloads`, a record has all payloads, also those that it lists in `unchanged`.
    """

    include: tuple[Path, ...] = ()
    exclude: tuple[Path, ...] = ()
    flatten: bool = False
    max_field_length: int = 0
    repeats_payloads: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Shape:
        return cls(
            include=tuple(tuple(path.split(".")) for path in values.get("include", [])),
            exclude=tuple(tuple(path.split(".")) for path in values.get("exclude", [])),
            flatten=values.get("flatten", False),
            max_field_length=values.get("max_field_length", 0),
            repeats_payloads=values.get("unchanged_payloads") == "repeat",
        )

    @property
    def changes(self) -> bool:
        """Whether records are changed at all."""
        return self != Shape()

    @property
    def selects_payloads(self) -> bool:
        """Whether a path leads to a payload or into one, so that it matters which of them a record stores."""
        return any(path[1:2] and path[1] in _PAYLOADS for path in (*self.include, *self.exclude))


def one_line(data: bytes) -> bytes:
    """Return `data` without line breaks. In JSON, every unescaped one is white space between tokens."""
    if b"\n" in data or b"\r" in data:
        return data.strip(b"\r\n").translate(_LINE_BREAKS)
    return data


def shaped(data: bytes, shape: Shape) -> bytes:
    """Return a record in this shape. Data that is not a JSON object is returned unchanged."""
    try:
        text = rawjson.dumps(_selected(dict(rawjson.split(data)), shape))
        if not shape.flatten and not shape.max_field_length:
            return text
        value = rawjson.loads(text)
    except NotJson:
        return data
    if shape.flatten:
        value = flattened(value, shape.include)
    if shape.max_field_length:
        value = cut(value, shape.max_field_length)
    return rawjson.dumps(value)


def _selected(fields: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """The fields that `shape` selects. It sees a record with all payloads, whichever of them the record stores."""
    listed: set[str] = set()  # sections that list payloads as unchanged
    if shape.repeats_payloads or shape.selects_payloads:
        for name in _SECTIONS:
            section = _inside(fields.get(name, {})) or {}
            if UNCHANGED in section:
                fields[name] = with_all_payloads(section)
                listed.add(name)
    if shape.include:
        fields = _only(fields, _tree(shape.include))
    if shape.exclude:
        fields = _without(fields, _tree(shape.exclude))
    if not shape.repeats_payloads:
        for name in listed & fields.keys():
            fields[name] = without_copies(fields[name])
    return fields


def _tree(paths: tuple[Path, ...]) -> Tree:
    root: Tree = {}
    for path in sorted(paths, key=len, reverse=True):  # a shorter path includes the longer ones below it
        node = root
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = {}
    return root


def _only(fields: Mapping[str, Any], tree: Tree) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        below = tree.get(name)
        if below is None:
            continue
        if not below:
            kept[name] = value
        elif (inside := _inside(value)) is not None and (chosen := _only(inside, below)):
            kept[name] = chosen
    return kept


def _without(fields: Mapping[str, Any], tree: Tree) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        below = tree.get(name)
        if below is None:
            kept[name] = value
        elif below:
            inside = _inside(value)
            kept[name] = value if inside is None else _without(inside, below)
    return kept


def _inside(value: Any) -> Mapping[str, Any] | None:
    """Return the fields of an object, or None if `value` is not one."""
    if isinstance(value, dict):
        return value
    try:
        return rawjson.split(value)
    except NotJson:
        return None


def flattened(value: Mapping[str, Any], include: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Flatten a record to one level of columns. Lists become JSON text. If two names collide, the later one wins.

    Tables have a limited number of columns, and a column can never be removed. Clients must therefore not be able to
    create columns: headers, query parameters and unknown payload fields become JSON text, unless a path of `include`
    selects them. Columns beyond the maximum become JSON text in the last column.
    """
    columns = {_column(path): item for path, item in _leaves(value, (), _tree(include))}
    if len(columns) <= _MAX_COLUMNS:
        return columns
    rest = [name for name in columns if name != _REST][_MAX_COLUMNS - 1 :]
    columns[_REST] = _text({name: columns.pop(name) for name in rest})
    return columns


def _leaves(value: Mapping[str, Any], path: Path, field_names: Tree) -> Iterator[tuple[Path, Any]]:
    for name, item in value.items():
        here, below = (*path, name), field_names.get(name, {})
        if not isinstance(item, dict):
            yield here, _plain(item)
        elif below and _has_foreign_names(name):
            yield from _chosen(item, here, below)
        elif name.endswith(_PAYLOAD):
            yield from _payload(item, here)
        elif _has_foreign_names(name):
            if item:
                yield here, _text(item)
        else:
            yield from _leaves(item, here, below)


def _has_foreign_names(name: str) -> bool:
    """Tell whether clients and upstreams choose the names inside this field."""
    return name.endswith((_PAYLOAD, "_headers")) or "_query_parameters" in name


def _chosen(value: Mapping[str, Any], path: Path, field_names: Tree) -> Iterator[tuple[Path, Any]]:
    """Yield the columns that `include` selects in a field whose names clients choose."""
    for name, item in value.items():
        below = field_names.get(name)
        if below and isinstance(item, dict):
            yield from _chosen(item, (*path, name), below)
        else:
            yield (*path, name), _plain(item)


def _payload(fields: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    rest = {}
    for name, item in fields.items():
        if name in FIELDS:
            yield (*path, name), _plain(item)
        else:
            rest[name] = item
    if rest:
        yield (*path, _MORE), _text(rest)


def _plain(item: Any) -> Any:
    return _text(item) if isinstance(item, dict | list) else item


def _text(item: Any) -> str:
    return rawjson.dumps(item).decode("utf-8")


def _column(path: Path) -> str:
    name = _NOT_IN_COLUMN_NAME.sub("_", "_".join(path)).lstrip("_")
    if not name or name[0].isdigit():
        name = f"f_{name}"
    if len(name) <= _MAX_COLUMN_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{name[: _MAX_COLUMN_NAME - _DIGEST - 1]}_{digest}"


def cut(value: Any, longest: int) -> Any:
    """Return `value` with longer texts truncated to `longest` characters, including a mark."""
    if isinstance(value, str):
        return _cut_text(value, longest) if len(value) > longest else value
    if isinstance(value, dict):
        return {name: cut(item, longest) for name, item in value.items()}
    if isinstance(value, list):
        return [cut(item, longest) for item in value]
    return value


def _cut_text(text: str, longest: int) -> str:
    mark = f"[cut, {len(text)} characters]"
    return text[: max(0, longest - len(mark))] + mark[:longest]
