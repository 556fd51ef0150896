"""Enforces quotas and budgets from memory, and tells those who have to know when something was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog.quota.usage_table import UsageTable
from gecholog.replication import milliseconds
from services.gl.quota.call_limits import LimitsTable
from services.gl.quota.usage_report import usage_report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gecholog.headers import Headers
    from gecholog.keys import KeyEntry
    from gecholog.quota.accounts import Accounts
    from gecholog.quota.holds import Held
    from gecholog.quota.subject import Exceeded, Mark
    from services.gl.quota.call_limits import CallLimits


class QuotaEnforcer:
    """Decides at once, from memory. `save`, `publish` and `report` do the rest, and never make a call wait.

    `save` is called with what a settled call has used (see `QuotaMirror.save`), `publish` when there are changes that
    were not there before, `report` with marks that were reached.
    """

    def __init__(self, clock: Callable[[], int] = milliseconds) -> None:
        self.table = UsageTable()
        self._changes = self.table.changes
        self.limits = LimitsTable(self.table)
        self.clock = clock
        self.save: Callable[[Accounts, Held, Sequence[Mark], int], None] = _nothing
        self.publish: Callable[[], None] = _nothing
        self.report: Callable[[Sequence[Mark], int], None] = _nothing

    def admit(self, accounts: Accounts) -> Exceeded | None:
        """Count a request that begins, unless it exceeds a limit."""
        exceeded = accounts.admit(self.clock())
        self._tell()
        return exceeded

    def reserve(self, accounts: Accounts, wanted: Held) -> Exceeded | None:
        """Hold what a call may use, unless that exceeds a limit."""
        exceeded = accounts.reserve(wanted, self.clock())
        self._tell()
        return exceeded

    def headers(self, limits: CallLimits | None) -> Headers:
        """The headers that tell a client what is left of its quotas."""
        return {} if limits is None else limits.headers.at(self.clock())

    def usage(self, limits: CallLimits | None, key: KeyEntry | None) -> dict[str, Any]:
        """What is used of limits, as JSON. `key` is that of the client."""
        subjects = () if limits is None else limits.accounts.subjects
        return usage_report(subjects, key, self.table, self.clock())

    def settle(self, accounts: Accounts, reserved: Held, used: Held) -> None:
        """Count what a call has used in place of what it reserved."""
        now = self.clock()
        marks = accounts.settle(reserved, used, now)
        self.save(accounts, used, marks, now)
        self._tell()
        if marks:
            self.report(marks, now)

    def end(self, accounts: Accounts) -> None:
        """End a call that was admitted."""
        accounts.end()
        self._tell()

    def _tell(self) -> None:
        changes = self._changes
        if changes.told <= changes.urgent and changes.is_to_be_told():  # after most calls it has been told
            self.publish()


def _nothing(*_: object) -> None:
    """Until something else is set."""
