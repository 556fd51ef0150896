"""What a config file of a service must be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from gecholog.entries import Closes, ListPosition
from gecholog.schema import Schema, Violation
from gecholog.secret_rule import SecretPlace

Rule = Callable[[dict[str, Any]], Iterable[Violation]]
CrossFileRule = Callable[[dict[str, Any], FilePath], Iterable[Violation]]
"""A rule that is also given the folder of the file."""


@dataclass(frozen=True, slots=True)
class ConfigSpec:
    """What a config file of one service must be: its schema, and the rules that a schema cannot express.

    A rule takes the value of the whole file, of checked types, and yields (path, sentence) for each violation.

    - `rules` make the file invalid, or an entry of an array with `skip_invalid_items`
    - `not_in_use` names the top-level fields of a value (of unchecked types) whose content is ignored; their JSON types
      still count
    - `remaining` are rules about the value without its skipped entries
    - `warnings` are rules that a valid file may break: each violation is a warning
    - `whole_warnings` are such rules about the value with its skipped entries, of which other warnings tell
    - `cross_file_warnings` are such rules that also look at the other config files in the folder of the file
    - `closes` takes the value without its skipped entries, and the skipped entries by their places; it returns the
      routers that must not serve without them
    - `not_skipped` takes an invalid entry of an array with `skip_invalid_items`, and returns the name of the field that
      makes the entry indispensable: the file is invalid then. An empty string: the entry is skipped
    - `secret_places` takes a value of unchecked types, and yields where secrets of the store may stand, with the
      addresses that the service sends them to; without it the file must have none
    """

    schema: Schema
    rules: tuple[Rule, ...] = ()
    not_in_use: Callable[[Any], frozenset[str]] = lambda _: frozenset()
    remaining: tuple[Rule, ...] = ()
    warnings: tuple[Rule, ...] = ()
    whole_warnings: tuple[Rule, ...] = ()
    closes: Callable[[dict[str, Any], Mapping[ListPosition, Any]], Closes] = lambda _, __: {}
    cross_file_warnings: tuple[CrossFileRule, ...] = ()
    not_skipped: Callable[[Any], str] = lambda _: ""
    secret_places: Callable[[Any], Iterable[SecretPlace]] = lambda _: ()
