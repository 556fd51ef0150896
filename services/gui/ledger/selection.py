"""The calls that a page is about, as the fields of its address say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from gecholog.ledger.filters import CallFilter, TimeRange
from gecholog.ledger.outcome import ERROR_CLASSES

STATUSES = {
    "": "any",
    "ok": "succeeded",
    "failed": "failed",
    "2xx": "2xx",
    "4xx": "4xx",
    "5xx": "5xx",
    "none": "no reply",
}
"""What the field `status` may say in addition to the number of a status."""

NONE = "(none)"
"""What an address says for calls that have no value: an empty one means any."""

_LONGEST = 200  # characters, as in the ledger
_TEXTS = ("router", "client", "provider", "model", "owner", "tag", "session")
_STATUS = range(100, 1000)


class WrongSelection(ValueError):
    """The fields of an address name no calls; the message says why."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Values that calls have; empty: any. `error` is an error class, `status` as in `STATUSES` or a number."""

    router: str = ""
    client: str = ""
    provider: str = ""
    model: str = ""
    status: str = ""
    owner: str = ""
    tag: str = ""
    session: str = ""
    error: str = ""

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> Selection:
        """From the query of an address. Raises WrongSelection."""
        found = cls(**{one.name: str(query.get(one.name, "")).strip()[:_LONGEST] for one in fields(cls)})
        if found.status not in STATUSES and not _is_status(found.status):
            raise WrongSelection(f"the status must be a number, or one of {', '.join(filter(None, STATUSES))}")
        if found.error and found.error not in ERROR_CLASSES:
            raise WrongSelection(f"the error must be one of {', '.join(ERROR_CLASSES)}")
        return found

    @property
    def query(self) -> dict[str, str]:
        """The selection in an address."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name))}

    def without(self, name: str) -> dict[str, str]:
        """The selection in an address, without one of its fields."""
        return {key: value for key, value in self.query.items() if key != name}

    def filter(self, range: TimeRange) -> CallFilter:  # noqa: A002 - the name in CallFilter
        """The calls in a range that have these values."""
        given: dict[str, Any] = {
            name: "" if value == NONE else value for name in _TEXTS if (value := getattr(self, name))
        }
        given |= {"error_class": self.error} if self.error else {}
        return CallFilter(range, **given, **_status(self.status))


def _is_status(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) == 3 and int(text) in _STATUS  # noqa: PLR2004 - HTTP


def _status(text: str) -> dict[str, Any]:
    if not text:
        return {}
    if text in {"ok", "failed"}:
        return {"errors": text == "failed"}
    if text == "none":
        return {"status_class": 0}
    return {"status_class": int(text[0])} if text.endswith("xx") else {"status": int(text)}
