"""Applies what a form posted to a document. Pure.

Fields are named `f:POINTER` (a value) and `k:POINTER` (the name of a member of a map). What was not typed into is not
changed, and so keeps its bytes. Saving refuses nothing that can be kept: text in a number field is stored as text, and
the validation says so. `op` is the button that was pressed: `add:POINTER`, `remove:POINTER`, `copy:POINTER`,
`up:POINTER`, `down:POINTER`, or anything else to save only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from gecholog.errors import GechologError
from gecholog.schema import Schema
from services.gui.drafts import json_edit
from services.gui.drafts.json_document import Document, Node, Variable, joined, parent
from services.gui.drafts.schema_path import empty_value, is_filled, is_map, kind_of, subschema
from services.gui.drafts.secret_values import is_literal_secret

_VALUE, _KEY = "f:", "k:"
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_VARIABLE = re.compile(r"\$\{\w+(\|\w+)*\}|\$\w+", re.ASCII)
_ABSENT, _UNCHANGED = object(), object()


class FormError(GechologError):
    """What was posted cannot be applied, for the reason in the message. Nothing was changed."""


def apply(document: Document, schema: Schema, posted: Iterable[tuple[str, str]], op: str = "") -> Document:
    """The document with the posted values, and after it what the button does. Raises FormError."""
    pairs = list(posted)
    try:
        changed = _values(document, schema, pairs)
        changed = _without_emptied(changed, document, schema, pairs)
        changed = _renamed(changed, schema, pairs)
        return _operated(changed, schema, op)
    except LookupError as error:
        raise FormError(str(error).strip("'\"")) from None
    except ValueError as error:
        raise FormError(f"the form is not valid: {error}") from None


def _values(document: Document, schema: Schema, pairs: list[tuple[str, str]]) -> Document:
    for name, text in pairs:
        if not name.startswith(_VALUE):
            continue
        pointer = name.removeprefix(_VALUE)
        own, node = subschema(schema, pointer), document.find(pointer)
        new = _value(document, own, pointer, node, text)
        if new is _UNCHANGED:
            continue
        if new is _ABSENT:
            if node is not None and not _is_item(document, pointer):
                document = json_edit.remove(document, pointer)
        elif node is None or document.token(node) != _token(new):
            if node is None:
                document = json_edit.ensure(document, parent(pointer)[0], "{")
            document = json_edit.set_value(document, pointer, new)
    return document


def _value(document: Document, schema: Schema, pointer: str, node: Node | None, text: str) -> Any:
    """The value for what was typed; `_ABSENT` if the field is not to be in the file, or `_UNCHANGED`."""
    old = None if node is None else document.value(node)
    kind = kind_of(schema, old)
    if kind == "object" or (kind == "array" and node is not None and node.is_container):
        return _json(text) if text.strip() else _ABSENT
    if "enum" in schema or kind == "boolean":
        return _chosen(text)
    if kind in {"integer", "number"} or (_may_be_integer(schema) and _INTEGER.fullmatch(text.strip())):
        return _number(document, node, kind, text)
    text = text.replace("\r\n", "\n")
    if isinstance(old, str) and is_literal_secret(schema, pointer, old) and not text:
        return _UNCHANGED  # the form does not show it
    if node is None:
        return text or _ABSENT
    return _ABSENT if is_filled(schema, text) and not _is_item(document, pointer) else text


def _may_be_integer(schema: Schema) -> bool:
    """Tell whether a place takes numbers and texts, such as a number of workers or `auto`."""
    kinds = schema.get("type")
    return isinstance(kinds, list) and "integer" in kinds


def _is_item(document: Document, pointer: str) -> bool:
    above = document.find(parent(pointer)[0])
    return above is not None and above.kind == "["


def _chosen(text: str) -> Any:
    if not text:
        return _ABSENT
    return Variable(text) if _VARIABLE.fullmatch(text) else json.loads(text)


def _number(document: Document, node: Node | None, kind: str, text: str) -> Any:
    text = text.strip()
    if not text:
        return _ABSENT
    if node is not None and text == document.token(node):
        return _UNCHANGED
    if _VARIABLE.fullmatch(text):
        return Variable(text)
    if _INTEGER.fullmatch(text):
        return int(text)
    return json.loads(text) if kind == "number" and _NUMBER.fullmatch(text) else text


def _json(text: str) -> Any:
    try:
        return Document.of(text).value()
    except GechologError as error:
        raise FormError(f"a field with JSON is not JSON: {error}") from None


def _token(value: Any) -> str:
    return str(value) if isinstance(value, Variable) else json.dumps(value, ensure_ascii=False)


def _without_emptied(before: Document, old: Document, schema: Schema, pairs: list[tuple[str, str]]) -> Document:
    """Remove emptied items of lists, the last ones first, and members of maps that have no name and no value."""
    emptied = [name.removeprefix(_VALUE) for name, text in pairs if name.startswith(_VALUE) and not text.strip()]
    items = [pointer for pointer in emptied if _is_item(old, pointer) and not _is_secret(old, schema, pointer)]
    document = before
    for pointer in sorted(items, key=_place, reverse=True):
        document = json_edit.remove(document, pointer)
    for name, text in pairs:
        pointer = name.removeprefix(_KEY)
        node = document.find(pointer) if name.startswith(_KEY) and not text.strip() else None
        if node is not None and not node.children:
            document = json_edit.remove(document, pointer)
    return document


def _is_secret(document: Document, schema: Schema, pointer: str) -> bool:
    node = document.find(pointer)
    value = None if node is None else document.value(node)
    return is_literal_secret(subschema(schema, pointer), pointer, value)


def _place(pointer: str) -> tuple[str, int]:
    above, last = parent(pointer)
    return above, int(last)


def _renamed(document: Document, schema: Schema, pairs: list[tuple[str, str]]) -> Document:
    for name, text in pairs:
        pointer = name.removeprefix(_KEY)
        if name.startswith(_KEY) and document.find(pointer) is not None:
            above, old = parent(pointer)
            new = text.strip()
            if new != old and _shows_secret(document, schema, pointer, joined(above, new)):
                raise LookupError(f"{old} holds a secret, which {new} would show: remove it, and add it anew")
            document = json_edit.rename(document, pointer, new)
    return document


def _shows_secret(document: Document, schema: Schema, old: str, new: str) -> bool:
    """Tell whether a value holds a secret that is none at another place, as in a header with a harmless name."""
    return any(
        _is_secret(document, schema, pointer)
        and not is_literal_secret(
            subschema(schema, moved := new + pointer.removeprefix(old)), moved, document.value(node)
        )
        for pointer, node in document.walk(document.find(old), old)
    )


def _operated(document: Document, schema: Schema, op: str) -> Document:
    word, _, pointer = op.partition(":")
    if word == "add":
        return _added(document, subschema(schema, pointer), pointer)
    if word == "remove":
        return json_edit.remove(document, pointer)
    if word in {"up", "down", "copy"}:
        above, last = parent(pointer)
        index = int(last)
        if word == "copy":
            return _copied(document, schema, above, index)
        return json_edit.move_item(document, above, index, index + (1 if word == "down" else -1))
    return document


def _added(document: Document, schema: Schema, pointer: str) -> Document:
    """Add an empty item or member, which the user then fills in."""
    if is_map(schema):
        member = subschema(schema, "/-") or {"type": "string"}
        value = [""] if kind_of(member) == "array" else empty_value(member)
        document = json_edit.ensure(document, pointer, "{")
        return (
            document
            if document.find(joined(pointer, ""))
            else json_edit.set_value(document, joined(pointer, ""), value)
        )
    if kind_of(schema, document.value(document.find(pointer)) if document.find(pointer) else None) == "object":
        return json_edit.ensure(document, pointer, "{")
    document = json_edit.ensure(document, pointer, "[")
    node = document.find(pointer)
    count = 0 if node is None else len(node.children)
    return json_edit.insert_item(document, pointer, count, empty_value(subschema(schema, "/-")))


def _copied(document: Document, schema: Schema, above: str, index: int) -> Document:
    """Insert a copy after an item, with another name: a path gets `copy/`, other names get `-copy`."""
    node = document.find(joined(above, index))
    if node is None:
        raise LookupError(f"there is no {joined(above, index)}")
    document = json_edit.insert_item(document, above, index + 1, document.value(node))
    field = subschema(schema, above).get("entry", {}).get("name", "name")
    pointer = joined(joined(above, index + 1), field)
    name = document.find(pointer)
    if name is None:
        return document
    old = document.value(name)
    return json_edit.set_value(document, pointer, _copy_name(document, above, field, str(old)))


def _copy_name(document: Document, above: str, field: str, old: str) -> str:
    node = document.find(above)
    items = document.value(node) if node is not None else []
    taken = {item.get(field) for item in items if isinstance(item, dict)}
    name = old
    while name in taken:
        name = f"{name}copy/" if name.endswith("/") else f"{name}-copy"
    return name
