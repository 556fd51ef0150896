"""What a page says instead of figures: loading, no ledger, an error, no calls. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from services.gui.ledger.access import NoLedger, StillAdding


class Condition(Enum):
    """Why a page has no figures. The value is the name of its picture."""

    LOADING = "loading"
    NO_LEDGER = "no ledger"
    ERROR = "error"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Notice:
    """What a page shows in place of figures: a title, a sentence, and the technical reason, if there is one."""

    condition: Condition
    title: str
    text: str
    reason: str = ""


_NO_CALLS = Notice(Condition.EMPTY, "No calls", "There are no calls in this time.")
_NO_FITTING_CALLS = Notice(Condition.EMPTY, "No calls", "No call of this time fits the filter.")


def no_calls(*, is_filtered: bool) -> Notice:
    """The notice for an answer without calls. `is_filtered`: the visitor has chosen a filter."""
    return _NO_FITTING_CALLS if is_filtered else _NO_CALLS


def notice_of(error: Exception) -> Notice:
    """The notice for an error of `LedgerAccess`."""
    if isinstance(error, StillAdding):
        return Notice(
            Condition.LOADING,
            "Adding up",
            "This takes longer than a second. The page tries again automatically; a shorter range is faster.",
        )
    if isinstance(error, NoLedger):
        return Notice(
            Condition.NO_LEDGER,
            "No ledger yet",
            "Figures come from the ledger, which the service nats2ledger writes. It is on by default: add it to "
            "ginit_config.json again, or set LEDGER_URL to the address of a PostgreSQL ledger.",
            str(error),
        )
    return Notice(
        Condition.ERROR,
        "The ledger cannot be read",
        "Calls are not affected, and their records are kept until it is there again.",
        str(error),
    )
