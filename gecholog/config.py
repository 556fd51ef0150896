"""Config files: read, filled from the environment, and checked against a schema. All problems are reported at once.

A file becomes a `ParsedConfig` as a whole, or ConfigError is raised. What a service makes of it (its own frozen
dataclasses) is in the service's `config.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from gecholog import config_secrets, regular_file
from gecholog import schema as schemas
from gecholog.config_spec import ConfigSpec
from gecholog.config_text import content, parsed, text_of, without_nulls
from gecholog.entries import ConfigEntry, InForce, LeftOut, ListPosition, consequence, problem_report, refusals
from gecholog.environment import fill
from gecholog.errors import ConfigError, Problem
from gecholog.positions import Path
from gecholog.reporter import Reporter
from gecholog.verdict import Verdict, judge

__all__ = [
    "ConfigSource",
    "ConfigSpec",
    "ParsedConfig",
    "check",
    "checksum",
    "in_force",
    "peek",
    "read",
    "refuse_losses",
]

_POSITION = re.compile(r"\[\d+\]")  # of an entry in its list, in the path of a problem


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """What a config was read from, to check it again elsewhere.

    The bytes of the file, its name in messages, and the folder of the operator's files, as `ParsedConfig` has them.
    """

    data: bytes = field(default=b"", repr=False)
    name: str = ""
    folder: FilePath | None = None


@dataclass(frozen=True, slots=True)
class ParsedConfig:
    """A valid config file. Its `values` have no null fields and no invalid entries.

    `entries` are the valid entries that have names. `left_out` are the invalid ones, whose problems are also in
    `warnings`. `not_set` are entries that were left out because optional variables have no value. `folder` is the
    folder that the operator edits the file in; None if the config was not read from a file. `data` are the bytes of the
    file, before variables were filled in. `files` are the paths of the files whose contents are in the values
    (`${file:PATH}`, and the secret store). `secrets` are the values that come from the secret store.
    """

    source: str
    sha256: str
    values: dict[str, Any]
    warnings: tuple[Problem, ...] = field(default=())
    entries: tuple[ConfigEntry, ...] = field(default=())
    left_out: tuple[LeftOut, ...] = field(default=())
    not_set: tuple[LeftOut, ...] = field(default=())
    folder: FilePath | None = None
    data: bytes = field(default=b"", repr=False)
    files: tuple[str, ...] = ()
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def origin(self) -> ConfigSource:
        """What the config was read from."""
        return ConfigSource(self.data, self.source, self.folder)

    @property
    def in_force(self) -> InForce:
        """The entries that are in force with this config, and the routers that it closes."""
        return InForce(self.entries, frozenset(router for one in self.left_out for router in one.closes))

    @property
    def report(self) -> dict[str, Any]:
        """What other programs may want to know about the config in force, as JSON."""
        told = {problem for one in self.left_out for problem in one.problems}
        return {
            "checksum": self.sha256,
            "left_out": [one.report for one in self.left_out],
            "warnings": [problem_report(problem) for problem in self.warnings if problem not in told],
        }

    def new_warnings(self, before: ParsedConfig) -> list[Problem]:
        """The warnings that the config before did not have.

        One on another line is not new, nor is one of an entry that has only moved in its list.
        """
        known = {_without_line(one) for one in before.warnings}
        fresh = [one for one in self.warnings if _without_line(one) not in known]
        kept = {_without_line(one) for one in self.warnings}
        moved = Counter(_without_position(one) for one in before.warnings if _without_line(one) not in kept)
        return list(_beyond(moved, fresh))


def _without_line(problem: Problem) -> Problem:
    return replace(problem, line=None)


def _without_position(problem: Problem) -> tuple[str, str, str]:
    """A warning without the position of its entry in a list. A named entry is still told apart by its consequence."""
    return _POSITION.sub("[]", problem.path), problem.rule, _POSITION.sub("[]", problem.consequence)


def _beyond(moved: Counter[tuple[str, str, str]], fresh: Iterable[Problem]) -> Iterator[Problem]:
    """Those of `fresh` that are not among `moved`, each of which accounts for one."""
    for one in fresh:
        if moved[_without_position(one)]:
            moved[_without_position(one)] -= 1
        else:
            yield one


def read(file: FilePath) -> bytes:
    """The bytes of a config file. Raises ConfigError if it cannot be read."""
    try:
        return regular_file.read_bytes(file)
    except OSError as error:
        raise ConfigError(str(file), [Problem("", f"cannot be read: {error.strerror or error}")]) from error


def checksum(data: bytes) -> str:
    """SHA-256 of a config file's bytes, in hex, as in the checksum file and in `healthcheck -p`."""
    return hashlib.sha256(data).hexdigest()


def check(
    data: bytes,
    source: str,
    spec: ConfigSpec,
    environ: Mapping[str, str] | None = None,
    folder: FilePath | None = None,
) -> ParsedConfig:
    """Parse a config file's bytes. Raises ConfigError.

    `source` is the name of the file in messages. `folder` is the folder of the file, for rules that look at the other
    config files there; None skips these rules.
    """
    try:
        return _checked(data, source, spec, os.environ if environ is None else environ, folder)
    except RecursionError:
        raise ConfigError(source, [Problem("", "is nested too deeply")]) from None


def _checked(
    data: bytes, source: str, spec: ConfigSpec, environ: Mapping[str, str], folder: FilePath | None
) -> ParsedConfig:
    text = text_of(data, source)
    secrets = config_secrets.opened(text, source, spec, environ)
    filled = fill(text, environ, content, secrets.lookup)
    if filled.problems:
        raise ConfigError(source, filled.problems)
    repeated: list[str] = []
    value = without_nulls(parsed(filled, source, repeated))
    report = Reporter(filled)
    verdict = judge(spec, value, report.is_unset, folder)
    rejected = tuple(_left_out(spec, value, verdict, report))
    left_out = tuple(one for one in rejected if not one.is_unset)
    warnings = (
        *_repetitions(text, repeated),
        *(problem for one in left_out for problem in one.problems),
        *(report.problem(*violation) for violation in verdict.warnings),
    )
    if verdict.errors:
        raise ConfigError(source, [report.problem(*violation) for violation in verdict.errors], warnings)
    entries = tuple(_entries(spec, value, verdict.rejected, report))
    not_set = tuple(one for one in rejected if one.is_unset)
    return ParsedConfig(
        source,
        checksum(data),
        verdict.values,
        warnings,
        entries,
        left_out,
        not_set,
        folder,
        data,
        (*filled.files, *secrets.files),
        secrets.values,
    )


def in_force(data: bytes, source: str, spec: ConfigSpec, environ: Mapping[str, str] | None = None) -> InForce:
    """The entries of the config file in force. Raises ConfigError.

    It was valid when it was applied. If it no longer is (a certificate file was deleted, for example), all of its
    entries count as in force.
    """
    environ = os.environ if environ is None else environ
    try:
        return check(data, source, spec, environ).in_force
    except ConfigError:
        filled = fill(text_of(data, source), environ, content)
        value = without_nulls(parsed(filled, source, []))
        return InForce(tuple(_entries(spec, value, {}, Reporter(filled))))


def peek(data: bytes, source: str, environ: Mapping[str, str] | None = None) -> Any:
    """The value of another service's config file, without checking it. Raises ConfigError if it is not JSON."""
    try:
        return without_nulls(
            parsed(fill(text_of(data, source), os.environ if environ is None else environ, content), source, [])
        )
    except RecursionError:
        raise ConfigError(source, [Problem("", "is nested too deeply")]) from None


def refuse_losses(parsed: ParsedConfig, in_force: InForce) -> None:
    """Raise ConfigError if an entry that is in force would be lost because the new one is invalid."""
    if problems := list(refusals(parsed.in_force, (*parsed.left_out, *parsed.not_set), in_force)):
        told = {problem.path for problem in problems}
        others = [warning for warning in parsed.warnings if warning.path not in told]
        raise ConfigError(parsed.source, problems, others)


def _left_out(spec: ConfigSpec, value: Any, verdict: Verdict, report: Reporter) -> Iterator[LeftOut]:
    for place, violations in sorted(verdict.rejected.items()):
        entry = _entry(spec, value, place, report, unusable={path for path, _ in violations})
        closes, said = verdict.closes.get(place, ()), _said(spec, value, place)
        shown = report.shown_value((*place, schemas.entry_words(spec.schema, place[0])[1]), said)
        what = consequence(entry.shown, closes if shown == said else closes and (shown,))
        problems = tuple(report.problem(*violation, what) for violation in violations)
        may_be_unset = schemas.has_optional_variables(spec.schema, place[0])
        is_unset = may_be_unset and all(report.is_absent(path) for path, _ in violations)
        yield LeftOut(entry, problems, closes, said, is_unset)


def _entries(
    spec: ConfigSpec, value: Any, rejected: Collection[ListPosition], report: Reporter
) -> Iterator[ConfigEntry]:
    """The entries that are not rejected and have a name."""
    for name in schemas.arrays_skipping_invalid_items(spec.schema):
        items = value.get(name) if isinstance(value, dict) else None
        for index in range(len(items) if isinstance(items, list) else 0):
            if (name, index) not in rejected:
                entry = _entry(spec, value, (name, index), report)
                if entry.name:
                    yield entry


def _entry(
    spec: ConfigSpec, value: Any, place: ListPosition, report: Reporter, unusable: Collection[Path] = ()
) -> ConfigEntry:
    """The entry at a place, without a name if the path of its name is in `unusable`."""
    noun, name_field = schemas.entry_words(spec.schema, place[0])
    name, path = _said(spec, value, place), (*place, name_field)
    if not name or path in unusable:
        return ConfigEntry(place[0], "", report.shown(place))
    return ConfigEntry(place[0], name, f"{noun} {report.shown_value(path, name)}")


def _said(spec: ConfigSpec, value: Any, place: ListPosition) -> str:
    """The name of an entry as written in the file, or an empty string."""
    item = value[place[0]][place[1]]
    name = item.get(schemas.entry_words(spec.schema, place[0])[1]) if isinstance(item, dict) else None
    return name if isinstance(name, str) else ""


def _repetitions(text: str, repeated: Iterable[str]) -> Iterator[Problem]:
    """Warn about fields that occur twice in one object. JSON does not define what that means; the last one counts."""
    for name in dict.fromkeys(repeated):
        if json.dumps(name) in text:  # otherwise the name came from a variable, and may be a secret
            yield Problem(name, "is given more than once in one object, the last one counts")
