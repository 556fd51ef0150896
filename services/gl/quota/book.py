"""The ledger of this gateway, with a clock, and those who have to know when it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gecholog.quota.ledger import Ledger
from gecholog.replication import milliseconds
from services.gl.quota.rate_headers import rate_headers
from services.gl.quota.usage_report import usage_report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gecholog.headers import Headers
    from gecholog.keys import KeyEntry
    from gecholog.quota.holds import Held
    from gecholog.quota.ledger import Counted, Exceeded, Mark, Subject

Subjects = tuple["Subject", ...]


class QuotaBook:
    """Decides at once, from memory. `save`, `publish` and `report` do the rest, and never make a call wait.

    `save` is called with usage that was counted, `publish` after each change, `report` with marks that were reached.
    """

    def __init__(self, clock: Callable[[], int] = milliseconds) -> None:
        self.ledger = Ledger()
        self.clock = clock
        self.save: Callable[[Sequence[Counted], int], None] = _nothing
        self.publish: Callable[[], None] = _nothing
        self.report: Callable[[Sequence[Mark], int], None] = _nothing

    def admit(self, subjects: Subjects) -> Exceeded | None:
        """Count a request that begins, unless it exceeds a limit."""
        now = self.clock()
        exceeded = self.ledger.admit(subjects, now)
        if exceeded is None:
            self.publish()
        return exceeded

    def reserve(self, subjects: Subjects, wanted: Held) -> Exceeded | None:
        """Hold what a call may use, unless that exceeds a limit."""
        exceeded = self.ledger.reserve(subjects, wanted, self.clock())
        if exceeded is None:
            self.publish()
        return exceeded

    def headers(self, subjects: Subjects) -> Headers:
        """The headers that tell a client what is left of its quotas."""
        return rate_headers(subjects, self.ledger, self.clock()) if subjects else {}

    def usage(self, subjects: Subjects, key: KeyEntry | None) -> dict[str, Any]:
        """What is used of the limits of these subjects, as JSON. `key` is that of the client."""
        return usage_report(subjects, key, self.ledger, self.clock())

    def settle(self, subjects: Subjects, reserved: Held, used: Held) -> None:
        """Count what a call has used in place of what it reserved."""
        now = self.clock()
        marks = self.ledger.settle(subjects, reserved, used, now)
        if unsaved := self.ledger.unsaved:
            self.ledger.unsaved = []
            self.save(unsaved, now)
        self.publish()
        if marks:
            self.report(marks, now)

    def end(self, subjects: Subjects) -> None:
        """End a call that was admitted."""
        self.ledger.end(subjects)
        self.publish()


def _nothing(*_: object) -> None:
    """Until something else is set."""
