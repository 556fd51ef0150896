"""Unsupported forms are rewritten for mypyc, and each line keeps its number."""

import ast
from pathlib import Path

import pytest

from tools.compiled.modules import MODULES
from tools.compiled.source import UnknownForm, compilable

ROOT = Path(__file__).parents[3]
FUTURE = "from __future__ import annotations\n"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_lines_keep_their_numbers(module) -> None:
    source = (ROOT / module).read_text("utf-8")
    made = compilable(source)
    ast.parse(made)
    assert [line for line in made.split("\n") if line.startswith(("def ", "async def "))] == [
        line for line in source.split("\n") if line.startswith(("def ", "async def "))
    ]
    assert made.count("\n") == source.count("\n")
    assert "slots=True" not in made


def test_annotations_of_named_tuples_are_quoted() -> None:
    source = f"{FUTURE}class Pair(NamedTuple):\n    first: Left | None\n    second: int = 1\n"
    assert compilable(source) == (f"{FUTURE}class Pair(NamedTuple):\n    first: 'Left | None'\n    second: 'int' = 1\n")


def test_a_name_in_quotes_stays_one() -> None:
    assert "kind: \"Literal['é']\"\n" in compilable(f"{FUTURE}class Pair(NamedTuple):\n    kind: Literal['é']\n")


def test_types_of_dataclass_fields_are_imported() -> None:
    typed = "if TYPE_CHECKING:\n    from a import Left, Right as R\n"
    source = f"{FUTURE}{typed}@dataclass(frozen=True, slots=True)\nclass Pair:\n    first: R\n    second: Left | None\n"
    made = compilable(source).split("\n")
    assert made[0] == "from __future__ import annotations; from a import Right as R"
    assert made[3] == "@dataclass(frozen=True)"


def test_slots_are_dropped() -> None:
    source = f'{FUTURE}class A:\n    __slots__ = (\n        "b",\n        "c",\n    )\n\n    d = 1\n'
    assert compilable(source) == f"{FUTURE}class A:\n    pass\n\n\n\n\n    d = 1\n"


def test_a_class_on_a_builtin_type_is_not_native() -> None:
    made = compilable(f"{FUTURE}\n\nclass Raw(bytes):\n    pass\n").split("\n")
    assert made[0] == "from __future__ import annotations; from mypy_extensions import mypyc_attr"
    assert made[2:4] == ["@mypyc_attr(native_class=False)", "class Raw(bytes):"]


def test_a_form_that_is_not_known_is_an_error() -> None:
    with pytest.raises(UnknownForm, match="no empty line before Raw"):
        compilable(f"{FUTURE}X = 1\nclass Raw(bytes):\n    pass\n")
