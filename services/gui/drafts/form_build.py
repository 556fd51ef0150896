"""Draws a form from a schema: (schema, document, findings) → a tree of fields. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gecholog.finding import Finding
from gecholog.schema import Schema
from services.gui.drafts.form_field import Choice, Field, Reference
from services.gui.drafts.json_document import Document, Node, Variable, joined, steps
from services.gui.drafts.schema_path import is_map, kind_of, subschema
from services.gui.drafts.secret_values import is_literal_secret, is_secret_field, variables_in

_FIRST = ("path", "name")  # what an entry is called
_ENTRY_NAMES = ("path", "name", "router", "model", "field", "target")


@dataclass(frozen=True, slots=True)
class FormSource:
    """What a form is drawn from. `is_set` tells whether a variable or file has a value, which is all that is shown."""

    schema: Schema
    document: Document
    findings: tuple[Finding, ...] = ()
    is_set: Callable[[str], bool] | None = None


def build(source: FormSource, pointer: str = "") -> Field:
    """The form for the value at a pointer. Findings below it are at its fields, or at the closest one that is drawn.

    Members that the schema does not know are not drawn: they stay as they are, and the raw editor shows them.
    """
    schema = subschema(source.schema, pointer)
    name = (steps(pointer) or ["config"])[-1]
    return _Builder(source).field(pointer, schema, source.document.find(pointer), name, is_required=True)


class _Builder:
    def __init__(self, source: FormSource) -> None:
        self._source = source
        self._document = source.document

    def field(self, pointer: str, schema: Schema, node: Node | None, name: str, *, is_required: bool) -> Field:
        value = None if node is None else self._document.value(node)
        kind = self._kind(pointer, schema, value)
        children = self._children(pointer, schema, node, kind)
        text = self._text(kind, schema, pointer, node, value)
        return Field(
            pointer=pointer,
            kind=kind,
            title=str(schema.get("title") or name),
            description=str(schema.get("description", "")),
            text=text,
            unit=str(schema.get("unit", "")),
            default=_shown(schema["default"]) if "default" in schema else "",
            is_present=node is not None,
            is_required=is_required,
            is_kept=kind == "secret" and is_literal_secret(schema, pointer, value),
            choices=self._choices(schema, node, is_required=is_required) if kind == "choice" else (),
            children=children,
            findings=tuple(self._findings(pointer, children)),
            references=tuple(self._references(node)),
            noun=str(schema.get("entry", {}).get("noun") or subschema(schema, "/-").get("title", "entry")).lower(),
            minimum=schema.get("minimum"),
            maximum=schema.get("maximum"),
        )

    def _kind(self, pointer: str, schema: Schema, value: Any) -> str:
        kind = kind_of(schema, value)
        if kind == "object":
            return "map" if is_map(schema) else "object" if "properties" in schema else "json"
        if kind == "array":
            return "links" if "entry" in schema else "list"
        if kind == "boolean" or "enum" in schema:
            return "choice"
        if kind in {"integer", "number"}:
            return "number"
        return "secret" if is_secret_field(schema, pointer) else "text"

    def _children(self, pointer: str, schema: Schema, node: Node | None, kind: str) -> tuple[Field, ...]:
        if kind == "object":
            names = sorted(schema.get("properties", {}), key=lambda name: name not in _FIRST)
            return tuple(self._member(pointer, schema, node, name) for name in names)
        if kind in {"list", "map"} and node is not None:
            return tuple(self._item(pointer, schema, step, child) for step, child in node.children)
        if kind == "links" and node is not None:
            return tuple(self._link(pointer, index, child) for index, (_, child) in enumerate(node.children))
        return ()

    def _member(self, pointer: str, schema: Schema, node: Node | None, name: str) -> Field:
        found = node.child(name) if node is not None and node.kind == "{" else None
        child = subschema(schema, joined("", name))
        required = name in schema.get("required", ())
        return self.field(joined(pointer, name), child, found[1] if found else None, name, is_required=required)

    def _item(self, pointer: str, schema: Schema, step: str | int, child: Node) -> Field:
        title = step if isinstance(step, str) else f"{subschema(schema, '/-').get('title', 'Entry')} {step + 1}"
        return self.field(joined(pointer, step), subschema(schema, joined("", step)), child, title, is_required=True)

    def _link(self, pointer: str, index: int, child: Node) -> Field:
        """An item that has a page of its own: its name, and all findings in it."""
        place = joined(pointer, index)
        value = self._document.value(child)
        words = [value.get(name) for name in _ENTRY_NAMES] if isinstance(value, dict) else []
        title = next((word for word in words if isinstance(word, str) and word), "")
        own = tuple(one for one in self._source.findings if _is_within(one.pointer, place))
        return Field(place, "link", title, is_present=True, findings=own)

    def _text(self, kind: str, schema: Schema, pointer: str, node: Node | None, value: Any) -> str:
        if node is None or kind in {"object", "list", "links", "map"}:
            return ""
        if kind == "secret" and is_literal_secret(schema, pointer, value):
            return ""
        if kind in {"choice", "json"}:
            return self._document.token(node)
        return value if isinstance(value, str) else self._document.token(node)

    def _choices(self, schema: Schema, node: Node | None, *, is_required: bool) -> tuple[Choice, ...]:
        values = schema.get("enum", [True, False])
        found = [Choice(json.dumps(value), _shown(value)) for value in values]
        if node is None or not is_required:
            default = f"default ({_shown(schema['default'])})" if "default" in schema else "not set"
            found.insert(0, Choice("", default))
        token = "" if node is None else self._document.token(node)
        if all(token != one.token for one in found):  # a variable, or a wrong value, which must not be lost
            found.append(Choice(token, token))
        return tuple(found)

    def _findings(self, pointer: str, children: Iterable[Field]) -> Iterable[Finding]:
        drawn = [child.pointer for child in children]
        for one in self._source.findings:
            if _is_within(one.pointer, pointer) and not any(_is_within(one.pointer, place) for place in drawn):
                yield one

    def _references(self, node: Node | None) -> Iterable[Reference]:
        is_set = self._source.is_set
        if node is None or node.is_container or is_set is None:
            return
        for names in variables_in(self._document.token(node)):
            yield Reference(names, any(map(is_set, names)))


def _is_within(pointer: str, place: str) -> bool:
    return pointer == place or pointer.startswith(f"{place}/")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str | Variable) else json.dumps(value)
