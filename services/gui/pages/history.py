"""The history: all calls of the ledger, found by filters, page by page, and as CSV; and one call in detail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gecholog.errors import BusError, GechologError
from gecholog.ledger.answers import Call, CallDetail, Cursor, Page
from gecholog.ledger.export import csv_line, exported
from gecholog.ledger.filters import CallFilter
from services.gui.access import links
from services.gui.ledger import asked, call_view
from services.gui.ledger.access import API_PATIENCE_S
from services.gui.ledger.condition import Notice, no_calls, notice_of
from services.gui.ledger.names import Names
from services.gui.ledger.selection import Selection
from services.gui.ledger.span import Span, span_of
from services.gui.live import anatomy
from services.gui.pages.parts import placed
from services.gui.roles import Permission
from services.gui.web.highlighting import json_html
from services.gui.web.route import NavigationEntry, get
from services.gui.web.visit import Refused, Visit

if TYPE_CHECKING:
    from gecholog.ledger.database import Database

USUAL = "7d"
PAGE = 50
FIELDS = ("router", "client", "provider", "model", "status")
_EXPORTED_AT_ONCE = 1000
_LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class HistoryView:
    """What the page shows. `older` is where the next page begins; `searched` is an id that was not found."""

    span: Span
    selection: Selection
    calls: Sequence[Call] = ()
    older: str = ""
    is_first: bool = True
    notice: Notice | None = None
    names: Names = field(default_factory=Names)
    problem: str = ""
    searched: str = ""

    @property
    def query(self) -> dict[str, str]:
        """Span and selection in an address."""
        return self.span.query | self.selection.query


def view_of(  # noqa: PLR0913 - the parts of a page
    span: Span, selection: Selection, page: Page, names: Names, *, is_first: bool, problem: str = "", searched: str = ""
) -> HistoryView:
    """The page of an answer of the ledger. Pure."""
    older = "" if page.next is None else str(page.next)
    notice = None if page.calls else no_calls(is_filtered=bool(selection.query))
    return HistoryView(span, selection, page.calls, older, is_first, notice, names, problem, searched)


async def history(visit: Visit) -> web.StreamResponse:
    span, selection, problem = asked.of_visit(visit.query, visit.now, USUAL, visit.zone)
    after, ledger = cursor(visit), visit.deps.ledger
    searched = visit.query.get("id", "").strip()[:_LONGEST_ID]
    try:
        if searched and (found := await call_of(visit, searched)) is not None:
            return visit.redirect(f"/history/{links.segment(found.call.id)}")
        wanted = selection.filter(span.range)
        page = await ledger.ask(("history", wanted, str(after)), lambda database: page_of(database, wanted, after))
        names = await asked.names_of(ledger, visit.now)
    except GechologError as error:
        view = HistoryView(span, selection, notice=notice_of(error), problem=problem)
    else:
        view = view_of(span, selection, page, names, is_first=after is None, problem=problem, searched=searched)
    return visit.page("history.html", title="History", view=view, fields=FIELDS)


def cursor(visit: Visit) -> Cursor | None:
    """Where the page begins. Raises Refused."""
    text = visit.query.get("after", "")
    try:
        found = Cursor.parse(text) if text else None
    except ValueError:
        raise Refused(400, "after must be the `next` of another page") from None
    if found is not None and (found.started_us >= 2**63 or not is_id(found.id)):
        raise Refused(400, "after must be the `next` of another page")
    return found


async def page_of(database: Database, wanted: CallFilter, after: Cursor | None, limit: int = PAGE) -> Page:
    from gecholog.ledger import queries  # noqa: PLC0415 - loads SQLAlchemy, only where there is a ledger

    return await queries.history(database, wanted, limit, after)


def is_id(text: str) -> bool:
    """Whether a text can be the id of a call: databases refuse some others."""
    return 0 < len(text) <= _LONGEST_ID and text.isprintable()


async def call_of(visit: Visit, call_id: str, patience_s: float = API_PATIENCE_S) -> CallDetail | None:
    """The call with an id, of its record or its transaction. Raises NoLedger, LedgerAway, StillAdding."""
    if not is_id(call_id):
        return None

    async def find(database: Database) -> CallDetail | None:
        from gecholog.ledger import queries  # noqa: PLC0415 - loads SQLAlchemy, only where there is a ledger

        return await queries.call_by_id(database, call_id)

    return await visit.deps.ledger.ask(("call", call_id), find, patience_s=patience_s)


# ---------------------------------------------------------------- CSV


async def export(visit: Visit) -> web.StreamResponse:
    """All calls of the filter as CSV, the latest first, as they are read. A file that breaks off has no end."""
    span, selection, problem = asked.of_visit(visit.query, visit.now, USUAL, visit.zone)
    if problem:
        raise Refused(400, problem)
    rows = csv_rows(visit, selection.filter(span.range))
    first = await anext(rows)  # what is wrong with the ledger is said before the file begins
    return await visit.download(f"calls-{span.local(span.start_us):%Y-%m-%d}.csv", first, rows)


async def csv_rows(visit: Visit, wanted: CallFilter) -> AsyncIterator[str]:
    """The lines of the file, some at once; the first has the names of the columns."""
    after: Cursor | None = None
    is_first = True
    while True:
        page = await visit.deps.ledger.direct(
            lambda database, after=after: page_of(database, wanted, after, _EXPORTED_AT_ONCE)  # type: ignore[misc]
        )
        lines = [csv_line(list(exported(call).values())) for call in page.calls]
        if is_first:
            names = list(exported(page.calls[0])) if page.calls else ["id"]
            lines.insert(0, csv_line(names))
            is_first = False
        yield "".join(lines)
        if page.next is None:
            return
        after = page.next


# ---------------------------------------------------------------- one call


@dataclass(frozen=True, slots=True)
class CallPayloads:
    """What is there of the record of a call. `told` says where it comes from, or why it is not shown."""

    record: dict[str, Any]
    told: str = ""
    is_hidden: bool = False


async def call(visit: Visit) -> web.StreamResponse:
    """One call. What clients ask and models answer is shown to those who may see it, and that is audited."""
    call_id = visit.request.match_info["id"]
    span = span_of({}, visit.now, USUAL, visit.zone)
    try:
        found = await call_of(visit, call_id)
    except GechologError as error:
        return visit.page("history_call.html", title="Call", span=span, found=None, notice=notice_of(error))
    if found is None:
        raise Refused(404, "the ledger has no call with this id")
    shown = await payloads(visit, found)
    values = call_values(found, shown)
    return visit.page("history_call.html", is_compressed=False, title="Call", span=span, notice=None, **values)


def call_values(found: CallDetail, shown: CallPayloads) -> dict[str, Any]:
    """What the page of a call shows. Pure."""
    record = shown.record
    bars = anatomy.timeline(record) or call_view.timeline(found)
    return {
        "found": found,
        "call": found.call,
        "figures": call_view.figures(found.call),
        "outcome": call_view.outcome(found.call),
        "usage": list(call_view.usage(found.call)),
        "unpriced": call_view.is_unpriced(found.call),
        "attempt_text": call_view.attempt_text,
        "bars": placed(bars),
        "payloads": shown,
        "borders": [] if shown.is_hidden or not record else anatomy.borders(record),
        "raw": json_html(anatomy.pretty(record)) if record else "",
    }


async def payloads(visit: Visit, found: CallDetail) -> CallPayloads:
    """The record of a call from the record log, else the payloads that the ledger stores."""
    may_see = visit.allows(Permission.SEE_PAYLOADS)
    record, told = await record_of(visit, found)
    if not may_see:
        return CallPayloads(anatomy.without_payloads(record), told, is_hidden=True)
    if record:
        await visit.audit("see payloads", found.call.id)
    return CallPayloads(record, told)


async def record_of(visit: Visit, found: CallDetail) -> tuple[dict[str, Any], str]:
    """The record, or what there is of it, and where it comes from or why there is none."""
    deps, sequence = visit.deps, found.call.stream_sequence
    data, reason = None, "The record log does not have this record any more."
    if sequence is not None and sequence > 0:
        try:
            data = await deps.bus.record(deps.config.storage.stream, sequence, found.call.id)
        except BusError as error:
            reason = f"The record log cannot be read: {error}."
    if data is not None:
        try:
            record = await asyncio.to_thread(json.loads, data)
        except ValueError:
            record = None
        if isinstance(record, dict):
            return record, "From the record log."
    if stored := stored_record(found):
        return stored, f"{reason} These payloads are stored in the ledger."
    return {}, reason


def stored_record(found: CallDetail) -> dict[str, Any]:
    """The payloads that the ledger stores, in the form of a record; empty without any. Pure."""
    parts: dict[str, Any] = {}
    for section, name, payload in (
        ("request", "ingress_payload", found.request_payload),
        ("response", "egress_payload", found.response_payload),
    ):
        if payload is not None:
            try:
                parts[section] = {name: json.loads(payload)}
            except ValueError:
                parts[section] = {name: payload.decode("utf-8", "replace")}
    return parts


ROUTES = (
    get("/history", Permission.VIEW, history),
    get("/history.csv", Permission.VIEW, export, is_quiet=True),
    get("/history/{id}", Permission.VIEW, call),
)
NAVIGATION = (NavigationEntry("History", "/history", "history", 25),)
