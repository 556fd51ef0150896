"""Writes a module so that mypyc can compile it. Pure. Lines keep their numbers, so that tracebacks fit the source.

mypyc reads annotations of classes when a module is imported, although we import many types for type checking only. It
does not know the slots of classes, and makes no native classes of those that extend a built-in type.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

_BUILTINS = frozenset({"bytes", "dict", "float", "int", "list", "set", "str", "tuple"})
_FUTURE = "from __future__ import annotations"
_NOT_NATIVE = "@mypyc_attr(native_class=False)"


class UnknownForm(Exception):
    """A module has a form that is not handled."""


class Edit(NamedTuple):
    """A piece of one line, by byte offsets, and what replaces it. `line` counts from 0."""

    line: int
    start: int
    stop: int
    text: str


def compilable(text: str) -> str:
    """The source of a module as mypyc takes it. Raises SyntaxError, and UnknownForm."""
    tree = ast.parse(text)
    lines = text.encode().split(b"\n")
    typed = _imported_for_types(tree)
    edits: list[Edit] = []
    imports: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            edits += _class_edits(node, lines)
            if _is_dataclass(node):
                imports |= {typed[name] for name in _field_types(node) if name in typed}
            elif _extends_builtin(node):
                edits.append(_decorated(node, lines))
                imports.add("from mypy_extensions import mypyc_attr")
    if imports:
        edits.append(_imported(sorted(imports), lines))
    for edit in sorted(edits, reverse=True):
        line = lines[edit.line]
        lines[edit.line] = line[: edit.start] + edit.text.encode() + line[edit.stop :]
    return b"\n".join(lines).decode()


def _class_edits(node: ast.ClassDef, lines: list[bytes]) -> list[Edit]:
    edits: list[Edit] = []
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and any(word.arg == "slots" for word in decorator.keywords):
            edits += _replaced(decorator, _without_slots(decorator), lines)
    is_named_tuple = any(ast.unparse(base) == "NamedTuple" for base in node.bases)
    for statement in node.body:
        if is_named_tuple and isinstance(statement, ast.AnnAssign):
            annotation = statement.annotation
            edits += _replaced(annotation, repr(ast.unparse(annotation)), lines)
        elif isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__slots__":
            edits += _replaced(statement, "pass", lines)
    return edits


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any(ast.unparse(each).partition("(")[0] == "dataclass" for each in node.decorator_list)


def _without_slots(decorator: ast.Call) -> str:
    kept = ", ".join(ast.unparse(word) for word in decorator.keywords if word.arg != "slots")
    return f"{ast.unparse(decorator.func)}({kept})"


def _extends_builtin(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).partition("[")[0] in _BUILTINS for base in node.bases)


def _field_types(node: ast.ClassDef) -> set[str]:
    """The outermost names of the annotations of fields: `Mapping` of `Mapping[str, Router]`."""
    annotations = [each.annotation for each in node.body if isinstance(each, ast.AnnAssign)]
    return {ast.unparse(each).partition("[")[0] for each in annotations}


def _imported_for_types(tree: ast.Module) -> dict[str, str]:
    """What a module imports for type checking only: names, and the statement that imports them."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for statement in node.body:
                if isinstance(statement, ast.ImportFrom) and statement.module:
                    for name in statement.names:
                        found[name.asname or name.name] = f"from {statement.module} import {ast.unparse(name)}"
    return found


def _replaced(node: ast.expr | ast.stmt, text: str, lines: list[bytes]) -> list[Edit]:
    """Put `text` in the place of a node. Of several lines, the others stay, and are empty."""
    first, last, end = node.lineno - 1, (node.end_lineno or node.lineno) - 1, node.end_col_offset or 0
    if first == last:
        return [Edit(first, node.col_offset, end, text)]
    between = [Edit(number, 0, len(lines[number]), "") for number in range(first + 1, last)]
    return [Edit(first, node.col_offset, len(lines[first]), text), *between, Edit(last, 0, end, "")]


def _decorated(node: ast.ClassDef, lines: list[bytes]) -> Edit:
    """A decorator on the empty line before a class."""
    before = node.lineno - 2
    if node.decorator_list or lines[before].strip():
        raise UnknownForm(f"line {node.lineno}: no empty line before {node.name}")
    return Edit(before, 0, 0, _NOT_NATIVE)


def _imported(statements: list[str], lines: list[bytes]) -> Edit:
    """Imports on the line of the first import."""
    number = lines.index(_FUTURE.encode())
    return Edit(number, len(_FUTURE), len(_FUTURE), "; " + "; ".join(statements))
