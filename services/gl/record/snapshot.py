"""The record as it was serialized before the reply was complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from gecholog.record import Fields


@dataclass(slots=True)
class RecordSnapshot:
    """The serialized head of a record, and what its response section contained at that moment.

    `data` is the JSON up to the place where later fields of the response section go. `fields` are the fields that
    processors saw, `names` the names of all fields that the section might show, `errors` the number of its errors.
    """

    data: bytes
    fields: Fields
    names: AbstractSet[str]
    errors: int
