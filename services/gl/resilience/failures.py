"""The upstream statuses that count as failures and lead to failover. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

_CLASSES = ("4xx", "5xx")


@dataclass(frozen=True, slots=True)
class FailOn:
    """Statuses and whole classes of statuses (`4` is 400 to 499) that are failures."""

    statuses: frozenset[int] = frozenset({HTTPStatus.REQUEST_TIMEOUT.value, HTTPStatus.TOO_MANY_REQUESTS.value})
    classes: frozenset[int] = frozenset({5})

    def __contains__(self, status: object) -> bool:
        return isinstance(status, int) and (status in self.statuses or status // 100 in self.classes)

    @classmethod
    def of(cls, listed: Iterable[int | str]) -> FailOn:
        """What the config lists: statuses (429), and classes of them (`5xx`)."""
        items = list(listed)
        classes = frozenset(int(item[0]) for item in items if isinstance(item, str))
        return cls(frozenset(item for item in items if isinstance(item, int)), classes)


USUAL = FailOn()
"""408, 429 and 5xx: likely to be different after a retry, or at another target."""
