"""The named JSON fields of one call: which of them a processor sees, and what it may write. Pure functions.

`Fields` maps a field's name to a JSON value; payloads are `rawjson.Raw`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Fields = dict[str, Any]


def select(fields: Mapping[str, Any], include: Collection[str], exclude: Collection[str]) -> Fields:
    """The fields in `include` (all if it is empty) without those in `exclude`."""
    if include:
        if exclude:
            include = [name for name in include if name not in exclude]
        return {name: fields[name] for name in include if name in fields}
    if exclude:
        return {name: value for name, value in fields.items() if name not in exclude}
    return dict(fields)


def replaced(fields: Mapping[str, Any], answer: Mapping[str, Any], allowed: Collection[str]) -> Fields:
    """The changes of a modifier: the allowed fields of its answer that exist in `fields`."""
    return {name: value for name, value in answer.items() if name in allowed and name in fields}


def added(fields: Mapping[str, Any], answer: Mapping[str, Any], allowed: Collection[str]) -> Fields:
    """The additions of an annotator: the allowed fields of its answer that do not exist in `fields`."""
    return {name: value for name, value in answer.items() if name in allowed and name not in fields}
