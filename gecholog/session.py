"""Session and transaction ids: `GATEWAY_NANOS_COUNT_TRANSACTION`, such as `TST00001_1699884006500487748_1_0`.

The id of a session is that of its first transaction (`…_0`). A client continues a session by sending the transaction
id that it received; the next transaction has the next number. Clients may send any id, so these ids group calls and do
not identify records.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import NamedTuple

_ID = re.compile(r"([A-Z0-9]+_[0-9]+)_([0-9]+)_([0-9]+)")
_LONGEST = 128  # characters; longer text cannot be one of our ids, and int() would be slow


class Ids(NamedTuple):
    """The two ids of one call."""

    session_id: str
    transaction_id: str


@dataclass(slots=True)
class Sessions:
    """Assigns ids to calls. `count` is the number in the last session's id, which grows by `step`.

    With one process it is the number of sessions since the gateway started. Several processes of one gateway begin
    with different counts and take the same step, so that no two of them ever use the same number.
    """

    gateway_id: str
    count: int = field(default=0)
    step: int = 1

    def ids(self, header: str | None) -> Ids:
        """The ids of a call whose session header has the value `header`; None if the header is missing."""
        return (continued(header) if header else None) or self._begin()

    def _begin(self) -> Ids:
        self.count += self.step
        first = f"{self.gateway_id}_{time.time_ns()}_{self.count}_0"
        return Ids(first, first)


def continued(header: str) -> Ids | None:
    """The ids of the next transaction in the session of `header`; None if it is not the id of a transaction."""
    match = _ID.fullmatch(header) if len(header) <= _LONGEST else None
    if match is None:
        return None
    prefix, count, transaction = match.group(1), int(match.group(2)), int(match.group(3))
    return Ids(f"{prefix}_{count}_0", f"{prefix}_{count}_{transaction + 1}")
