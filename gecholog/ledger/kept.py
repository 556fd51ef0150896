"""How long the ledger keeps what. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from gecholog.ledger.filters import SECOND_US
from gecholog.ledger.rows import DAY_US, HOUR_US


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the ledger keeps calls with their attempts, the sums of hours, and payloads; in days, 0: for ever."""

    calls_days: int = 90
    rollups_days: int = 730
    payloads_days: int = 30

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> Self:
        """From the checked section `sql_writer` of a config."""
        usual = cls()
        return cls(
            section.get("retention_days", usual.calls_days),
            section.get("rollup_retention_days", usual.rollups_days),
            section.get("payload_retention_days", usual.payloads_days),
        )


def cutoff_us(now: float, days: int) -> int:
    """The time before which rows are deleted: `days` before `now` (seconds since 1970), at a full hour.

    0 for 0 days, which means for ever.
    """
    return max(0, (int(now * SECOND_US) - days * DAY_US) // HOUR_US * HOUR_US) if days else 0
