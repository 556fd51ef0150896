"""What a config file of a service must be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from gecholog.entries import Closes, Place
from gecholog.schema import Schema, Violation

Rule = Callable[[dict[str, Any]], Iterable[Violation]]
RuleBeside = Callable[[dict[str, Any], FilePath], Iterable[Violation]]
"""A rule about a value and the folder that its file lies in."""


@dataclass(frozen=True, slots=True)
class ConfigSpec:
    """What a config file of one service must be: its schema, and the rules that a schema cannot say.

    A rule takes the whole value (types already checked) and yields (path, sentence) for what is wrong. `not_in_use`
    names the top-level fields of a value (types not checked) whose content does not count; their JSON types still do.
    `remaining` are rules about the value less the entries that are rejected alone. `advice` are rules that a file may
    break: what they find is a warning. They are asked about a file that may be used. `closes` takes the value less
    the rejected entries, and these by their places, and tells which routers must not serve without them. `beside`
    is advice that looks at other config files in the folder of the file as well.
    """

    schema: Schema
    rules: tuple[Rule, ...] = ()
    not_in_use: Callable[[Any], frozenset[str]] = lambda _: frozenset()
    remaining: tuple[Rule, ...] = ()
    advice: tuple[Rule, ...] = ()
    closes: Callable[[dict[str, Any], Mapping[Place, Any]], Closes] = lambda _, __: {}
    beside: tuple[RuleBeside, ...] = ()
