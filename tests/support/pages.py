"""The pages of the documentation, taken apart."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^( *)```(\w*)(?: (.*?))?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_NOT_OURS = frozenset({"build", ".venv", "node_modules", "app"})


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code: its language, the name behind that (may be empty), and its text."""

    language: str
    name: str
    text: str


def pages() -> list[Path]:
    """All Markdown files of the project."""
    found = (file for file in ROOT.rglob("*.md"))
    return sorted(file for file in found if not _hidden(file.relative_to(ROOT)))


def _hidden(file: Path) -> bool:
    return any(part in _NOT_OURS or part.startswith(".") for part in file.parts)


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    """The blocks of a page, in order."""
    return tuple(Block(language, name, text) for _, language, name, text in _FENCE.findall(page.read_text("utf-8")))


def blocks_by_name(page: Path) -> dict[str, str]:
    """The text of each block that has a name."""
    return {block.name: block.text for block in blocks(page) if block.name}


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", page.read_text("utf-8"))
