"""What the address of a page asks the ledger, and for how long an answer is remembered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from gecholog.errors import GechologError
from services.gui.ledger.access import API_PATIENCE_S, PATIENCE_S, LedgerAccess
from services.gui.ledger.names import Names, names
from services.gui.ledger.selection import Selection, WrongSelection
from services.gui.ledger.span import RANGES, Span, WrongSpan, span_of

if TYPE_CHECKING:
    from gecholog.ledger.database import Database

T = TypeVar("T")

_SHORT_S, _LONG_S = 4.0, 20.0
_LONG_US = 3 * 86_400 * 1_000_000  # ranges from here on are remembered longer: a minute more changes little in them
_NAMES_S = 120.0
_NAMES_PATIENCE_S = 0.15  # suggestions are no reason to wait


def of_visit(
    query: Mapping[str, str], now: float, usual: str, zone: str, *, whole_days: bool = False
) -> tuple[Span, Selection, str]:
    """Span and selection of an address. What is wrong is left out, and said in the text that comes with them."""
    problems = []
    try:
        span = span_of(query, now, usual, zone, whole_days=whole_days)
    except WrongSpan as error:
        problems.append(str(error))
        span = span_of({}, now, usual, zone, whole_days=whole_days)
    try:
        selection = Selection.of(query)
    except WrongSelection as error:
        problems.append(str(error))
        kept = {name: value for name, value in query.items() if name not in {"status", "error"}}
        selection = Selection.of(kept)
    return span, selection, "; ".join(problems)


async def remembered(  # noqa: PLR0913 - what is asked, and of whom
    ledger: LedgerAccess,
    name: str,
    span: Span,
    selection: Selection,
    question: Callable[[Database, Span, Selection], Awaitable[T]],
    *,
    patient: bool = False,
) -> T:
    """The answer to a question about a span and a selection. Raises as `LedgerAccess.ask`.

    `patient`: wait for it as long as programs do.
    """
    is_long = span.end_us - span.start_us > _LONG_US and span.name in RANGES
    return await ledger.ask(
        (name, span, selection),
        lambda database: question(database, span, selection),
        keep_s=_LONG_S if is_long else _SHORT_S,
        patience_s=API_PATIENCE_S if patient else PATIENCE_S,
    )


async def names_of(ledger: LedgerAccess, now: float) -> Names:
    """The suggestions of filters; none if the ledger has no answer at once."""
    try:
        return await ledger.ask(
            "names", lambda database: names(database, now), keep_s=_NAMES_S, patience_s=_NAMES_PATIENCE_S
        )
    except GechologError:
        return Names()
