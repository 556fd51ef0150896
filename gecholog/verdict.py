"""Judges the value of a config file: errors make the file invalid, others only one entry of a list. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from gecholog import schema as schemas
from gecholog.config_spec import ConfigSpec
from gecholog.entries import Closes, ListPosition
from gecholog.positions import Path
from gecholog.schema import Schema, Violation

Rejected = dict[ListPosition, list[Violation]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rejected` are the entries that are left out, with their violations."""

    values: dict[str, Any]
    errors: list[Violation]
    warnings: list[Violation]
    rejected: Rejected
    closes: Closes


def judge(spec: ConfigSpec, value: Any, is_unset: Callable[[Path], bool], folder: FilePath | None = None) -> Verdict:
    """Find all violations of a value, and sort them into errors of the file and of single entries."""
    found = list(schemas.violations(spec.schema, value, is_unset))
    wrong_type = any(is_type for _, _, is_type in found)
    if not wrong_type:  # rules may rely on the types
        found += [(path, rule, False) for check_rule in spec.rules for path, rule in check_rule(value)]
    idle = spec.not_in_use(value)
    found = [(path, rule, is_type) for path, rule, is_type in found if is_type or not path or path[0] not in idle]
    errors, rejected = _sorted(found, schemas.arrays_skipping_invalid_items(spec.schema))
    errors += _not_skipped(spec, value, rejected)
    values = value if wrong_type else _less_rejected(value, rejected)
    if not wrong_type:
        errors += [_in_whole(violation, rejected) for check_rule in spec.remaining for violation in check_rule(values)]
    errors += _emptied(spec.schema, values, rejected)
    warnings = [(path, "is not known and is ignored") for path in schemas.unknown(spec.schema, value)]
    closes: Closes = {}
    if not errors:
        closes = spec.closes(values, {place: value[place[0]][place[1]] for place in rejected})
        warnings += [_in_whole(violation, rejected) for rule in spec.warnings for violation in rule(values)]
        warnings += [violation for rule in spec.whole_warnings for violation in rule(value)]
    if not errors and folder is not None:
        warnings += [
            _in_whole(violation, rejected) for rule in spec.cross_file_warnings for violation in rule(values, folder)
        ]
    return Verdict(values, errors, warnings, rejected, closes)


def _sorted(found: Iterable[tuple[Path, str, bool]], alone: Collection[str]) -> tuple[list[Violation], Rejected]:
    """The errors of the file, and those of entries that can be left out."""
    errors: list[Violation] = []
    rejected: Rejected = {}
    for path, rule, is_type in found:
        match path:
            case (str(name), int(index), *_) if name in alone and not is_type:
                rejected.setdefault((name, index), []).append((path, rule))
            case _:
                errors.append((path, rule))
    return errors, rejected


def _not_skipped(spec: ConfigSpec, value: Any, rejected: Rejected) -> Iterator[Violation]:
    """Errors for entries that must not be left out; they are no longer in `rejected` then."""
    for name, index in list(rejected):
        if field := spec.not_skipped(value[name][index]):
            yield from rejected.pop((name, index))
            yield (name, index, field), "is set, so this entry cannot be left out"


def _emptied(schema: Schema, values: Any, rejected: Rejected) -> Iterator[Violation]:
    """Errors for lists that need an entry and have no valid one; their entries are no longer in `rejected` then."""
    for name, needed in schemas.arrays_skipping_invalid_items(schema).items():
        if needed and isinstance(values, dict) and values.get(name) == []:
            yield (name,), "has no valid entry"
            for place in [place for place in rejected if place[0] == name]:
                yield from rejected.pop(place)


def _in_whole(violation: Violation, rejected: Collection[ListPosition]) -> Violation:
    """Correct the path of a violation in a value without its rejected entries to the path in the whole value."""
    path, rule = violation
    match path:
        case (str(name), int(index), *rest):
            for place in sorted(place for place in rejected if place[0] == name):
                index += place[1] <= index
            return (name, index, *rest), rule
        case _:
            return violation


def _less_rejected(value: dict[str, Any], rejected: Collection[ListPosition]) -> dict[str, Any]:
    return {
        name: [entry for index, entry in enumerate(part) if (name, index) not in rejected]
        if isinstance(part, list)
        else part
        for name, part in value.items()
    }
