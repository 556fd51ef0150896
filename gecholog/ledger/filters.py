"""Which calls a question is about: a range of time and values of fields, as one typed value. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Self

from gecholog.ledger.rows import HOUR_US
from gecholog.ledger.texts import storable

SECOND_US = 1_000_000
"""Microseconds in a second."""

COLUMNS = {
    "router": "router",
    "client": "client_key",
    "owner": "owner",
    "provider": "provider",
    "model": "model",
    "status": "status",
    "status_class": "status_class",
    "error_class": "error_class",
}
"""The columns of the fields of a filter; attributes of a call group have the same names."""

_TEXTS = ("router", "client", "owner", "tag", "provider", "model", "error_class", "session")


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A half-open range of time: `start_us` belongs to it, `end_us` does not. Microseconds since 1970 (UTC)."""

    start_us: int
    end_us: int

    def __post_init__(self) -> None:
        if not 0 <= self.start_us <= self.end_us:
            raise ValueError("a time range must not end before it starts, or start before 1970")

    @classmethod
    def of(cls, start: datetime, end: datetime) -> Self:
        """From two aware datetimes."""
        return cls(round(start.timestamp() * SECOND_US), round(end.timestamp() * SECOND_US))

    @classmethod
    def last(cls, seconds: float, now: float) -> Self:
        """The `seconds` before `now` (seconds since 1970)."""
        end = int(now * SECOND_US)
        return cls(max(0, end - int(seconds * SECOND_US)), end)

    @property
    def hours(self) -> float:
        return (self.end_us - self.start_us) / HOUR_US


class Dimension(Enum):
    """What calls are grouped by. The value is the column of `calls`."""

    ROUTER = "router"
    CLIENT = "client_key"
    OWNER = "owner"
    PROVIDER = "provider"
    MODEL = "model"
    STATUS_CLASS = "status_class"
    STATUS = "status"
    ERROR_CLASS = "error_class"


class TagList(Enum):
    """Grouping by all tags of a call together. The value is the attribute of a call group."""

    TAGS = "tags"


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Calls that began in `range` and have all of these values. None means any value; an empty text means "none".

    `client` is the id of a client key, `tag` one of the tags of its key. `status_class` is the first digit of the
    status (0: no reply). `errors` keeps calls with an error class only (True), or without one (False). Texts become
    as the ledger stores them.
    """

    range: TimeRange
    router: str | None = None
    client: str | None = None
    owner: str | None = None
    tag: str | None = None
    provider: str | None = None
    model: str | None = None
    status: int | None = None
    status_class: int | None = None
    error_class: str | None = None
    errors: bool | None = None
    session: str | None = None

    def __post_init__(self) -> None:
        for name in _TEXTS:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, storable(value))

    @property
    def given(self) -> frozenset[str]:
        """The names of the fields that restrict the calls, without `range`."""
        return frozenset(
            one.name for one in fields(self) if one.name != "range" and getattr(self, one.name) is not None
        )
