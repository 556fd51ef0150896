"""The named JSON fields of one call: which of them a processor sees, and what it may write. Pure functions.

`Fields` maps a field's name to a JSON value; payloads are `rawjson.Raw`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.rawjson import Raw

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Fields = dict[str, Any]

UNCHANGED = "unchanged"
"""The field of a section of a record that lists the payloads which are not stored again."""

TWINS = {"outbound_payload": "ingress_payload", "egress_payload": "inbound_payload"}
"""The payloads that gl sends, and those that it received for them."""

_PAIRS = tuple(TWINS.items())


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


def payload_of(section: Mapping[str, Any], name: str) -> Any:
    """The payload `name` of a section of a record, such as `egress_payload`; None if the section does not have it.

    A payload that is listed in `unchanged` is that of its twin. The values may be decoded or `Raw`.
    """
    if name not in section and name in _unchanged(section):
        return section.get(TWINS[name])
    return section.get(name)


def with_all_payloads(section: Mapping[str, Any]) -> Fields:
    """A section of a record with the payloads that it lists in `unchanged`, and without that list.

    A section without such a list is returned as it is. The values may be decoded or `Raw`.
    """
    names = [name for name in _unchanged(section) if name not in section and TWINS[name] in section]
    if not names:
        return dict(section)
    kept = {name: value for name, value in section.items() if name != UNCHANGED}
    return kept | {name: section[TWINS[name]] for name in names}


def without_copies(section: Mapping[str, Any]) -> Fields:
    """A section of a record that lists in `unchanged` the payloads which are byte-identical to their twin.

    A section that has a field `unchanged` of its own, of a processor, is returned as it is.
    """
    rest = dict(section)
    if UNCHANGED in rest:
        return rest
    names = []
    for name, twin in _PAIRS:
        if name in rest and twin in rest and _are_same(rest[name], rest[twin]):
            names.append(name)
            del rest[name]
    if names:
        rest[UNCHANGED] = names
    return rest


def _are_same(value: Any, twin: Any) -> bool:
    return value is twin or (type(value) is type(twin) and bool(value == twin))


def _unchanged(section: Mapping[str, Any]) -> list[str]:
    """The payloads that a section lists as unchanged. A field of a processor with this name lists none."""
    listed = section.get(UNCHANGED)
    if isinstance(listed, Raw):
        try:
            listed = rawjson.loads(listed)
        except NotJson:
            return []
    return [name for name in listed if name in TWINS] if isinstance(listed, list) else []
