"""A JSON text with the places of its values, so that one value can be changed without touching the rest. Pure.

Variables may stand outside of strings, as config files allow: `"gl_port": ${GL_PORT}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from json import decoder
from typing import Any

from gecholog import environment
from gecholog.errors import NotJson

Step = str | int

_scan_string = decoder.scanstring  # type: ignore[attr-defined]  # (text, offset after the quote) -> (string, end)
_BLANK = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^ \t\r\n,\]}]+")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


class Variable(str):
    """A variable outside of a string, such as `${GL_PORT}`: written as it is, without quotes."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A value in the text, from `start` to `end`. Its key goes from `begin` to `key_end`; an item has none.

    `children` are the members or items in the order of the text, also those whose name occurs again.
    """

    begin: int
    key_end: int
    start: int
    end: int
    kind: str  # the first character: {, [, ", that of a number or literal, or $ for a variable
    children: tuple[tuple[Step, Node], ...] = ()

    @property
    def is_container(self) -> bool:
        return self.kind in "{["

    def child(self, step: str) -> tuple[Step, Node] | None:
        """The member or item by its step in a JSON pointer; the last one of a name counts."""
        if self.kind == "[":
            index = int(step) if _INDEX.fullmatch(step) else len(self.children)
            return self.children[index] if index < len(self.children) else None
        return next((child for child in reversed(self.children) if child[0] == step), None)


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON text, and its outermost value."""

    text: str
    root: Node

    @classmethod
    def of(cls, text: str) -> Document:
        """Read a text. Raises NotJson with the line."""
        try:
            root = _Scanner(text).root()
        except json.JSONDecodeError as error:
            raise NotJson(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
        except (ValueError, RecursionError) as error:
            raise NotJson(str(error) or "nested too deeply") from None
        return cls(text, root)

    def find(self, pointer: str) -> Node | None:
        """The value at a JSON pointer, or None."""
        node = self.root
        for step in steps(pointer):
            found = node.child(step)
            if found is None:
                return None
            node = found[1]
        return node

    def value(self, node: Node | None = None) -> Any:
        """The value of a node, or of the whole text. Variables outside of strings become `Variable`."""
        node = self.root if node is None else node
        if node.kind == "{":
            return {name: self.value(child) for name, child in node.children}
        if node.kind == "[":
            return [self.value(child) for _, child in node.children]
        token = self.token(node)
        return Variable(token) if node.kind == "$" else json.loads(token)

    def token(self, node: Node) -> str:
        """The text of a node."""
        return self.text[node.start : node.end]

    def line(self, node: Node) -> int:
        """The line that a node begins in, counted from 1."""
        return self.text.count("\n", 0, node.begin) + 1

    def walk(self, node: Node | None = None, pointer: str = "") -> Iterator[tuple[str, Node]]:
        """All nodes with their pointers, the outer ones first."""
        node = self.root if node is None else node
        yield pointer, node
        for step, child in node.children:
            yield from self.walk(child, joined(pointer, step))


def steps(pointer: str) -> list[str]:
    """The steps of a JSON pointer (RFC 6901). Raises ValueError if it does not begin with a slash."""
    if not pointer:
        return []
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is not a JSON pointer")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]


def joined(pointer: str, step: Step) -> str:
    """The pointer of a member or item."""
    return f"{pointer}/{str(step).replace('~', '~0').replace('/', '~1')}"


def parent(pointer: str) -> tuple[str, str]:
    """The pointer of the container, and the last step. Raises ValueError for the whole text."""
    *_, last = steps(pointer) or _no_parent()
    return pointer.rpartition("/")[0], last


def _no_parent() -> list[str]:
    raise ValueError("the whole text is in no container")


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class _Scanner:
    """Finds the nodes of a text that is valid JSON, apart from variables outside of strings."""

    def __init__(self, text: str) -> None:
        spans = list(environment.unquoted(text))
        self._variables = {start for start, _ in spans}
        parts, copied = [], 0
        for start, end in spans:
            parts += [text[copied:start], "1" * (end - start)]  # a number of the same length keeps all places
            copied = end
        self._text = "".join([*parts, text[copied:]])

    def root(self) -> Node:
        """The outermost value. Raises ValueError or RecursionError if the text is not JSON."""
        json.loads(self._text, parse_constant=_refuse, parse_int=str)  # an integer may have any length
        return self._value(self._skip(0), None)

    def _value(self, start: int, key: tuple[int, int] | None) -> Node:
        first = self._text[start]
        begin, key_end = key or (start, start)
        if first in "{[":
            end, children = self._members(start) if first == "{" else self._items(start)
            return Node(begin, key_end, start, end, first, children)
        if first == '"':
            return Node(begin, key_end, start, _scan_string(self._text, start + 1)[1], first)
        match = _SCALAR.match(self._text, start)
        return Node(begin, key_end, start, match.end() if match else start, self._kind(start))

    def _kind(self, start: int) -> str:
        return "$" if start in self._variables else self._text[start]

    def _members(self, start: int) -> tuple[int, tuple[tuple[Step, Node], ...]]:
        found: list[tuple[Step, Node]] = []
        at = self._skip(start + 1)
        while self._text[at] != "}":
            name, key_end = _scan_string(self._text, at + 1)
            node = self._value(self._skip(self._skip(key_end) + 1), (at, key_end))
            found.append((name, node))
            at = self._after(node)
        return at + 1, tuple(found)

    def _items(self, start: int) -> tuple[int, tuple[tuple[Step, Node], ...]]:
        found: list[tuple[Step, Node]] = []
        at = self._skip(start + 1)
        while self._text[at] != "]":
            node = self._value(at, None)
            found.append((len(found), node))
            at = self._after(node)
        return at + 1, tuple(found)

    def _after(self, node: Node) -> int:
        """The place of the next member, or of the closing bracket."""
        at = self._skip(node.end)
        return self._skip(at + 1) if self._text[at] == "," else at

    def _skip(self, at: int) -> int:
        match = _BLANK.match(self._text, at)
        return match.end() if match else at
