"""The shape in which records reach a target: fields chosen, flattened, cut. Pure functions.

What is only chosen stays the bytes that it is; flattening and cutting load a record and write it anew.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gecholog import rawjson
from gecholog.errors import NotJson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str, ...]
Tree = dict[str, "Tree"]  # paths as a tree; an empty one means: the whole value

# Azure tables: names of letters, digits and _, at most 45 characters, not beginning with a digit or _.
_LONGEST_COLUMN = 45
_NO_COLUMN = re.compile(r"[^A-Za-z0-9_]")
_DIGEST = 6  # characters that keep two cut names apart
_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")


@dataclass(frozen=True, slots=True)
class Shape:
    """The section `fields`. Paths are names from the outside in."""

    include: tuple[Path, ...] = ()
    exclude: tuple[Path, ...] = ()
    flatten: bool = False
    max_field_length: int = 0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Shape:
        return cls(
            include=tuple(tuple(path.split(".")) for path in values.get("include", [])),
            exclude=tuple(tuple(path.split(".")) for path in values.get("exclude", [])),
            flatten=values.get("flatten", False),
            max_field_length=values.get("max_field_length", 0),
        )

    @property
    def changes(self) -> bool:
        """False if records stay as they are."""
        return self != Shape()


def one_line(data: bytes) -> bytes:
    """`data` without line breaks: in JSON every bare one is white space between tokens."""
    if b"\n" in data or b"\r" in data:
        return data.strip(b"\r\n").translate(_LINE_BREAKS)
    return data


def shaped(data: bytes, shape: Shape) -> bytes:
    """A record in its shape. What is no JSON object is returned as it is."""
    try:
        fields: dict[str, Any] = dict(rawjson.split(data))
        if shape.include:
            fields = _only(fields, _tree(shape.include))
        if shape.exclude:
            fields = _without(fields, _tree(shape.exclude))
        text = rawjson.dumps(fields)
        if not shape.flatten and not shape.max_field_length:
            return text
        value = rawjson.loads(text)
    except NotJson:
        return data
    if shape.flatten:
        value = flattened(value)
    if shape.max_field_length:
        value = cut(value, shape.max_field_length)
    return rawjson.dumps(value)


def _tree(paths: tuple[Path, ...]) -> Tree:
    root: Tree = {}
    for path in sorted(paths, key=len, reverse=True):  # a shorter path takes in the longer ones below it
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
    """The fields of an object; None if `value` is something else."""
    if isinstance(value, dict):
        return value
    try:
        return rawjson.split(value)
    except NotJson:
        return None


def flattened(value: Mapping[str, Any]) -> dict[str, Any]:
    """One level of columns. Lists become JSON text; of two names that become the same column the later one counts."""
    return {_column(path): item for path, item in _leaves(value, ())}


def _leaves(value: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    for name, item in value.items():
        if isinstance(item, dict):
            yield from _leaves(item, (*path, name))
        elif isinstance(item, list):
            yield (*path, name), rawjson.dumps(item).decode("utf-8")
        else:
            yield (*path, name), item


def _column(path: Path) -> str:
    name = _NO_COLUMN.sub("_", "_".join(path)).lstrip("_")
    if not name or name[0].isdigit():
        name = f"f_{name}"
    if len(name) <= _LONGEST_COLUMN:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{name[: _LONGEST_COLUMN - _DIGEST - 1]}_{digest}"


def cut(value: Any, longest: int) -> Any:
    """`value` with every text of more than `longest` characters cut to that length, its mark included."""
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
