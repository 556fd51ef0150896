"""What limits the calls of one client on one router, prepared once for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from services.gl.quota.divided import WHOLE
from services.gl.quota.rate_headers import RateHeaders
from services.gl.quota.subjects import of_key, of_owner

if TYPE_CHECKING:
    from gecholog.keys import KeyEntry, OwnerEntry
    from gecholog.quota.accounts import Accounts
    from gecholog.quota.subject import Subject
    from gecholog.quota.usage_table import UsageTable
    from services.gl.quota.divided import Part

_MOST = 4096  # that are kept


class CallLimits(NamedTuple):
    """The accounts of a call, and the headers about them."""

    accounts: Accounts
    headers: RateHeaders


class _Kept(NamedTuple):
    """Limits, and what they were made of: as long as that is referred to, no other object has its identity."""

    limits: CallLimits | None
    made_of: tuple[tuple[Subject, ...], KeyEntry | None, OwnerEntry | None]


class LimitsTable:
    """The limits of calls. Configs, keys and owners never change, so they are told by their identity."""

    def __init__(self, table: UsageTable) -> None:
        self._table = table
        self._kept: dict[tuple[int, int, int], _Kept] = {}
        self._part = WHOLE

    def divide(self, part: Part) -> bool:
        """Give calls this part of each limit from now on. Returns whether it was another one before."""
        if part == self._part:
            return False
        self._part = part
        self._kept.clear()
        return True

    def of(self, subjects: tuple[Subject, ...], key: KeyEntry | None, owner: OwnerEntry | None) -> CallLimits | None:
        """The limits of a client; None if there are none. `subjects` are the gateway and the router of a call."""
        found = self._kept.get((id(subjects), id(key), id(owner)))
        if found is None:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            found = _Kept(self._made(subjects, key, owner), (subjects, key, owner))
            self._kept[id(subjects), id(key), id(owner)] = found
        return found.limits

    def _made(self, subjects: tuple[Subject, ...], key: KeyEntry | None, owner: OwnerEntry | None) -> CallLimits | None:
        """The limits of all subjects, from the widest to the narrowest."""
        if owner is not None:
            subjects += of_owner(owner.name, owner.limits)
        if key is not None:
            subjects += of_key(key.id, key.limits)
        if not subjects:
            return None
        if self._part != WHOLE:
            subjects = tuple(map(self._part.of_subject, subjects))
        accounts = self._table.accounts(subjects)
        return CallLimits(accounts, RateHeaders(accounts))
