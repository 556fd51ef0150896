"""What entities is told by its environment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gecholog.plugins import environment_error, load_plugin

Find = Callable[[str], Iterable[tuple[str, str]]]
"""Text → the entities in it, in order, each as its text and its label."""

_PATTERNS = "processors.entities.patterns:load"
_SUBJECT = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_FIELD = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Config:
    """The finder, the subject that gl asks on, and the field that is written."""

    find: Find
    subject: str
    field: str


def from_environment(environ: Mapping[str, str]) -> Config:
    """The config that ENTITIES, ENTITIES_SUBJECT and ENTITIES_FIELD make. Raises ConfigError."""
    return Config(
        subject=_of_form(environ, "ENTITIES_SUBJECT", "coburn.gl.entities", _SUBJECT),
        field=_of_form(environ, "ENTITIES_FIELD", "entities", _FIELD),
        find=load_plugin("ENTITIES", environ.get("ENTITIES") or _PATTERNS),
    )


def _of_form(environ: Mapping[str, str], name: str, default: str, form: re.Pattern[str]) -> str:
    value = environ.get(name) or default
    if not form.fullmatch(value):
        raise environment_error(
            name, "must consist of letters, digits and _ (a subject: also of - and dots between its parts)"
        )
    return value
