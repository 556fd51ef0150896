"""The upstream statuses that count as failures and lead to failover. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

FailOn = frozenset[int]
"""The statuses that are failures. All are listed, because each call looks its status up."""


def fail_on(listed: Iterable[int | str]) -> FailOn:
    """The statuses that the config lists: single ones (429), and classes of them (`5xx` is 500 to 599)."""
    return frozenset(status for item in listed for status in _statuses(item))


def _statuses(item: int | str) -> Iterator[int]:
    if isinstance(item, int):
        return iter((item,))
    first = int(item[0]) * 100
    return iter(range(first, first + 100))


USUAL = fail_on([408, 429, "5xx"])
"""These are likely to be different after a retry, or at another target."""
