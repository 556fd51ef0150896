"""Changes one value of a JSON text, and leaves every other byte as it is. Pure.

Each function takes a document and returns the changed one. A new value is written as its neighbours are: with their
indentation, or on one line. Places are JSON pointers. Raises LookupError if a place does not exist.

The libraries on PyPI that do this are abandoned (pyjsonedit) or a few months old and without users (json-source-edit).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from services.gui.drafts.json_document import Document, Node, Variable, joined, parent, steps

_LONGEST_LINE = 100  # characters of a list that is written on one line


def set_value(document: Document, pointer: str, value: Any) -> Document:
    """Put a value in place of another, or add a member at the end of its object."""
    node = document.find(pointer)
    if node is not None:
        if not node.is_container and document.token(node) == _inline(value):
            return document
        return _spliced(document, node.start, node.end, _written(document, node, value))
    above, name = parent(pointer)
    container = _container(document, above)
    if container.kind == "[":
        return insert_item(document, above, len(container.children), value)
    return _added(document, container, len(container.children), f"{_quoted(name)}", value)


def insert_item(document: Document, pointer: str, index: int, value: Any) -> Document:
    """Insert an item into the array at `pointer`, before the one at `index`, or at the end."""
    container = _container(document, pointer, "[")
    return _added(document, container, min(max(index, 0), len(container.children)), "", value)


def remove(document: Document, pointer: str) -> Document:
    """Remove a member or an item, with one comma and the space around it."""
    above, last = parent(pointer)
    container = _container(document, above)
    found = container.child(last)
    if found is None:
        raise LookupError(f"there is no {pointer}")
    nodes = [child for _, child in container.children]
    place = nodes.index(found[1])
    if len(nodes) == 1:
        return _spliced(document, container.start + 1, container.end - 1, "")
    if place + 1 < len(nodes):
        return _spliced(document, found[1].begin, nodes[place + 1].begin, "")
    return _spliced(document, nodes[place - 1].end, found[1].end, "")


def move_item(document: Document, pointer: str, index: int, to: int) -> Document:
    """Move an item of the array at `pointer` from one index to another. The texts of the items stay as they are."""
    container = _container(document, pointer, "[")
    nodes = [child for _, child in container.children]
    if not (0 <= index < len(nodes) and 0 <= to < len(nodes)):
        raise LookupError(f"{pointer} has no item {index} or {to}")
    texts = [document.token(node) for node in nodes]
    texts.insert(to, texts.pop(index))
    first, last = min(index, to), max(index, to)
    parts = [texts[first]]
    for place in range(first + 1, last + 1):
        parts += [document.text[nodes[place - 1].end : nodes[place].start], texts[place]]
    return _spliced(document, nodes[first].start, nodes[last].end, "".join(parts))


def rename(document: Document, pointer: str, name: str) -> Document:
    """Give a member another name. Raises LookupError if the object has a member of this name already."""
    above, last = parent(pointer)
    container = _container(document, above, "{")
    found = container.child(last)
    if found is None:
        raise LookupError(f"there is no {pointer}")
    if name == last:
        return document
    if container.child(name) is not None:
        raise LookupError(f"there is a {joined(above, name)} already")
    return _spliced(document, found[1].begin, found[1].key_end, _quoted(name))


def ensure(document: Document, pointer: str, kind: str) -> Document:
    """Make the object (`{`) or array (`[`) at a pointer, and the objects around it, where they are missing."""
    for depth in range(1, len(steps(pointer)) + 1):
        part = "".join(joined("", step) for step in steps(pointer)[:depth])
        if document.find(part) is None:
            document = set_value(document, part, [] if part == pointer and kind == "[" else {})
    return document


def _container(document: Document, pointer: str, kinds: str = "{[") -> Node:
    node = document.find(pointer)
    if node is None or node.kind not in kinds:
        raise LookupError(f"there is no {'list' if kinds == '[' else 'object'} at {pointer or 'the top'}")
    return node


def _spliced(document: Document, start: int, end: int, text: str) -> Document:
    return Document.of(document.text[:start] + text + document.text[end:])


def _added(document: Document, container: Node, index: int, key: str, value: Any) -> Document:
    """Add a member (with its key in quotes) or an item (without) before the child at `index`."""
    nodes = [child for _, child in container.children]
    if not nodes:
        return _into_empty(document, container, key, value)
    gap = _gap(document, container, nodes)
    colon = document.text[nodes[-1].key_end : nodes[-1].start] if key else ""
    new = f"{key}{colon}{_Writer.of(document).written(value, gap)}"
    if index == len(nodes):
        return _spliced(document, nodes[-1].end, nodes[-1].end, f",{gap}{new}")
    return _spliced(document, nodes[index].begin, nodes[index].begin, f"{new},{gap}")


def _gap(document: Document, container: Node, nodes: list[Node]) -> str:
    """The space between two children of a container."""
    if len(nodes) > 1:
        between = document.text[nodes[-2].end : nodes[-1].begin]
        return between.partition(",")[2]
    before = document.text[container.start + 1 : nodes[0].begin]
    return before if "\n" in before else " "


def _into_empty(document: Document, container: Node, key: str, value: Any) -> Document:
    writer = _Writer.of(document)
    colon = ": " if key else ""
    if not writer.indent or (not key and not isinstance(value, dict | list) and writer.inline_lists):
        return _spliced(document, container.start + 1, container.end - 1, f"{key}{colon}{_inline(value)}")
    outside = writer.newline + _indentation(document.text, container.start)
    inside = outside + writer.indent
    new = f"{inside}{key}{colon}{writer.written(value, inside)}{outside}"
    return _spliced(document, container.start + 1, container.end - 1, new)


def _written(document: Document, node: Node, value: Any) -> str:
    """A value in the place of another one."""
    writer = _Writer.of(document)
    gap = writer.newline + _indentation(document.text, node.begin)
    is_inline = node.is_container and node.children and "\n" not in document.token(node)
    return _inline(value) if is_inline else writer.written(value, gap)


@dataclass(frozen=True, slots=True)
class _Writer:
    """How a text is written. `indent` is one level; empty: all of it is on one line."""

    indent: str
    newline: str
    inline_lists: bool

    @classmethod
    def of(cls, document: Document) -> _Writer:
        text = document.text
        lists = [node for _, node in document.walk() if node.kind == "[" and node.children]
        plain = [node for node in lists if not any(child.is_container for _, child in node.children)]
        inline = sum("\n" not in document.token(node) for node in plain)
        return cls(
            indent=_first_indent(document),
            newline="\r\n" if "\r\n" in text else "\n",
            inline_lists=inline * 2 > len(plain),
        )

    def written(self, value: Any, gap: str) -> str:
        """A value after `gap`, the line break and indentation that its siblings begin with."""
        if not self.indent or "\n" not in gap or not isinstance(value, dict | list) or not value:
            return _inline(value)
        is_plain = isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)
        if is_plain and self.inline_lists and len(_inline(value)) <= _LONGEST_LINE:
            return _inline(value)
        inside = gap[gap.rindex("\n") - ("\r\n" in gap) :] + self.indent
        outside = inside.removesuffix(self.indent)
        if isinstance(value, dict):
            parts = [f"{_quoted(name)}: {self.written(item, inside)}" for name, item in value.items()]
            return f"{{{inside}{f',{inside}'.join(parts)}{outside}}}"
        return f"[{inside}{f',{inside}'.join(self.written(item, inside) for item in value)}{outside}]"


def _first_indent(document: Document) -> str:
    """The indentation of the first member; empty if the text is on one line."""
    if not document.root.is_container or not document.root.children:
        return "  "
    before = document.text[document.root.start + 1 : document.root.children[0][1].begin]
    if "\n" not in before:
        return "  " if "\n" in document.token(document.root) else ""
    return before.rpartition("\n")[2] or "  "


def _indentation(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _quoted(text: str) -> str:
    """A string as JSON. Lone surrogates are escaped, because UTF-8 cannot hold them."""
    return json.dumps(text, ensure_ascii=any("\ud800" <= sign <= "\udfff" for sign in text))


def _inline(value: Any) -> str:
    if isinstance(value, Variable):
        return str(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(name)}: {_inline(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value, allow_nan=False)
