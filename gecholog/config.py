"""Config files: read, filled from the environment, checked against a schema, every problem reported at once.

A file goes through here as a whole and comes out as a `Document`, or not at all (`ConfigError`). What a service makes
of a document (its own frozen dataclasses) is in the service's `config.py`.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, NoReturn

from gecholog import regular_file
from gecholog import schema as schemas
from gecholog.environment import Filled, fill
from gecholog.errors import ConfigError, Problem
from gecholog.positions import Path, line_of, locate
from gecholog.schema import Finding, Schema

_LONGEST_INTEGER = 18  # characters

Rule = Callable[[dict[str, Any]], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a config file of one service must be: its schema, and the rules that a schema cannot say.

    A rule takes the whole value (types already checked) and yields (path, sentence) for what is wrong. `not_in_use`
    names the top-level fields of a value (types not checked) whose content does not count; their JSON types still do.
    `remaining` are rules about the value less the entries that are rejected alone. `advice` are rules that a file may
    break: what they find is a warning. They are asked about a file that may be used.
    """

    schema: Schema
    rules: tuple[Rule, ...] = ()
    not_in_use: Callable[[Any], frozenset[str]] = lambda _: frozenset()
    remaining: tuple[Rule, ...] = ()
    advice: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A config file that may be used: null fields, and the entries that were rejected alone, are left out."""

    source: str
    sha256: str
    values: dict[str, Any]
    warnings: tuple[Problem, ...] = field(default=())


def read(file: FilePath) -> bytes:
    """The bytes of a config file. Raises ConfigError if it cannot be read."""
    try:
        return regular_file.read_bytes(file)
    except OSError as error:
        raise ConfigError(str(file), [Problem("", f"cannot be read: {error.strerror or error}")]) from error


def checksum(data: bytes) -> str:
    """SHA-256 of a config file's bytes, in hex: the file's name for `healthcheck -p`."""
    return hashlib.sha256(data).hexdigest()


def check(data: bytes, source: str, blueprint: Blueprint, environ: Mapping[str, str] | None = None) -> Document:
    """Make a document of a config file's bytes; `source` is its name in messages. Raises ConfigError."""
    try:
        return _checked(data, source, blueprint, os.environ if environ is None else environ)
    except RecursionError:
        raise ConfigError(source, [Problem("", "is nested too deeply")]) from None


def _checked(data: bytes, source: str, blueprint: Blueprint, environ: Mapping[str, str]) -> Document:
    text = _text(data, source)
    filled = fill(text, environ)
    if filled.problems:
        raise ConfigError(source, filled.problems)
    repeated: list[str] = []
    value = _without_nulls(_parsed(filled, source, repeated))
    verdict = _judge(blueprint, value)
    report = _Report(filled)
    warnings = (*_repetitions(text, repeated), *(report.problem(*finding) for finding in verdict.warnings))
    if verdict.errors:
        raise ConfigError(source, [report.problem(*finding) for finding in verdict.errors], warnings)
    return Document(source, checksum(data), verdict.values, warnings)


def _repetitions(text: str, repeated: Iterable[str]) -> Iterator[Problem]:
    """Fields that one object has twice: JSON leaves open what that means, and a part of the file has no effect."""
    for name in dict.fromkeys(repeated):
        if json.dumps(name) in text:  # else it came out of a variable, and is nobody's to read
            yield Problem(name, "is given more than once in one object, the last one counts")


def _text(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(source, [Problem("", "is not UTF-8", line)]) from error


def _parsed(filled: Filled, source: str, repeated: list[str]) -> Any:
    """The value of the filled text; names that an object has twice are added to `repeated`."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            names = [name for name, _ in pairs]
            repeated.extend(name for name in made if names.count(name) > 1)
        return made

    try:
        return json.loads(
            filled.text,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_bounded,
            object_pairs_hook=members,
        )
    except json.JSONDecodeError as error:
        line = error.pos - error.colno + 1
        # behind a filled variable the column is not that of the file, and tells how long the value is
        exact = not any(line <= reference.offset < error.pos for reference in filled.references)
        rule = f"is not JSON: {error.msg}" + (f" at column {error.colno}" if exact else "")
        raise ConfigError(source, [Problem("", rule, error.lineno)]) from None  # the error holds the filled text
    except ValueError:
        raise ConfigError(source, [Problem("", "is not JSON, or holds a number out of range")]) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("out of range")
    return number


def _bounded(text: str) -> int:
    """No field means more; and of what is much larger no float can be made, and no text by default."""
    if len(text) > _LONGEST_INTEGER:
        raise ValueError("out of range")
    return int(text)


def _without_nulls(value: Any) -> Any:
    """A null is as good as a field left out: Go writes one for every empty list."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class _Verdict:
    values: dict[str, Any]
    errors: list[Finding]
    warnings: list[Finding]


def _judge(blueprint: Blueprint, value: Any) -> _Verdict:
    """What is wrong with a value, sorted into what refuses the file, and entries that would be left out alone."""
    found = list(schemas.findings(blueprint.schema, value))
    wrong_type = any(is_type for _, _, is_type in found)
    if not wrong_type:  # rules may rely on the types
        found += [(path, rule, False) for check_rule in blueprint.rules for path, rule in check_rule(value)]
    idle = blueprint.not_in_use(value)
    found = [(path, rule, is_type) for path, rule, is_type in found if is_type or not path or path[0] not in idle]
    alone = schemas.arrays_rejecting_alone(blueprint.schema)
    errors: list[Finding] = []
    warnings: list[Finding] = []
    for path, rule, is_type in found:
        rejected = len(path) > 1 and path[0] in alone and not is_type
        (warnings if rejected else errors).append((path, rule))
    values = value if wrong_type else _less_rejected(value, warnings)
    if not wrong_type:
        errors += [finding for check_rule in blueprint.remaining for finding in check_rule(values)]
    empty = [name for name, needed in alone.items() if needed and _emptied(values, name)]
    errors += [((name,), "has no valid entry") for name in empty]
    errors += [finding for finding in warnings if finding[0][0] in empty]  # why there is none
    warnings = [finding for finding in warnings if finding[0][0] not in empty]
    warnings += [(path, "is not known and is ignored") for path in schemas.unknown(blueprint.schema, value)]
    if not errors:
        warnings += [finding for advise in blueprint.advice for finding in advise(values)]
    return _Verdict(values, errors, warnings)


def _less_rejected(value: dict[str, Any], rejections: list[Finding]) -> dict[str, Any]:
    rejected = {path[:2] for path, _ in rejections}
    return {
        name: [entry for index, entry in enumerate(part) if (name, index) not in rejected]
        if isinstance(part, list)
        else part
        for name, part in value.items()
    }


def _emptied(values: Any, name: str) -> bool:
    return isinstance(values, dict) and values.get(name) == []


class _Report:
    """Turns findings into problems that name path, line, and the variables that a value came from."""

    def __init__(self, filled: Filled) -> None:
        self._text = filled.text
        self._references = filled.references
        self._spans = locate(filled.text)

    def problem(self, path: Path, rule: str) -> Problem:
        span = self._span(path)
        variables = [f"{ref.name}{'' if ref.is_set else ', which is not set'}" for ref in self._within(path)]
        origin = f" (the value comes from the environment variable {' and '.join(variables)})" if variables else ""
        return Problem(self._shown(path), rule + origin, line_of(self._text, span[0]))

    def _shown(self, path: Path) -> str:
        return dotted(tuple(self._step(path[: depth + 1]) for depth in range(len(path))))

    def _step(self, path: Path) -> str | int:
        """The last step of a path; a name that comes from the environment by its variables, for it may be a secret."""
        if not self._references or path not in self._spans or isinstance(path[-1], int):
            return path[-1]
        begin, value = self._spans[path[:-1]][0], self._spans[path][0]
        begin = max((end for start, end in self._spans.values() if begin < start and end <= value), default=begin)
        return "".join(f"${{{ref.name}}}" for ref in self._references if begin < ref.offset < value) or path[-1]

    def _span(self, path: Path) -> tuple[int, int]:
        """Where a path stands; a field that is missing is looked for where it should be."""
        while path not in self._spans:
            path = path[:-1]
        return self._spans[path]

    def _within(self, path: Path) -> list[Any]:
        start, end = self._spans.get(path, (0, 0))
        is_value = start < end and self._text[start] not in "[{"
        return [ref for ref in self._references if is_value and start <= ref.offset <= end]


def dotted(path: Path) -> str:
    """`("routers", 2, "path")` → `routers[2].path`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
