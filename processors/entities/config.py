"""The config of entities, from environment variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gecholog.plugins import environment_error, load_plugin

Recognize = Callable[[str], Iterable[tuple[str, str]]]
"""Maps a text to its entities in order, each with its text and label."""

_PATTERNS = "processors.entities.patterns:load"
_SUBJECT = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_FIELD = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Config:
    """The recogniser, the subject on which gl asks, and the field to write."""

    recognize: Recognize
    subject: str
    field: str


def from_environment(environ: Mapping[str, str]) -> Config:
    """Read ENTITIES, ENTITIES_SUBJECT and ENTITIES_FIELD. Raises ConfigError."""
    return Config(
        subject=_matching(environ, "ENTITIES_SUBJECT", "coburn.gl.entities", _SUBJECT),
        field=_matching(environ, "ENTITIES_FIELD", "entities", _FIELD),
        recognize=load_plugin("ENTITIES", environ.get("ENTITIES") or _PATTERNS),
    )


def _matching(environ: Mapping[str, str], name: str, default: str, pattern: re.Pattern[str]) -> str:
    value = environ.get(name) or default
    if not pattern.fullmatch(value):
        raise environment_error(
            name, "must consist of letters, digits and _ (a subject: also of - and dots between its parts)"
        )
    return value
