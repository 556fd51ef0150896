"""Documents for APIs that take fewer fields of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from gecholog.llm.chat import File, Part, Text


def with_contexts_as_texts(parts: Iterable[Part]) -> list[Part]:
    """The parts, with a text in front of each document that has a context."""
    found: list[Part] = []
    for part in parts:
        if isinstance(part, File) and part.context:
            found.append(Text(part.context))
        found.append(part)
    return found


def titled_text(document: File) -> str:
    """The text of a document under its name."""
    return f"{document.name}\n\n{document.text}" if document.name else document.text
