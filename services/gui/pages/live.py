"""The live view: calls as they end, and one call in detail. The original's Log Listener had the same addresses."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web

from gecholog.errors import GechologError
from services.gui.access import links
from services.gui.ledger.access import NoLedger
from services.gui.live import anatomy
from services.gui.live.calls import Watcher
from services.gui.live.filters import CallFilter
from services.gui.live.record import CallSummary
from services.gui.pages import history
from services.gui.pages.parts import placed
from services.gui.roles import Permission
from services.gui.web.highlighting import json_html
from services.gui.web.route import NavigationEntry, get
from services.gui.web.visit import Refused, Visit

_SHOWN = 100  # calls when the page is opened
_HEARTBEAT_S = 15.0  # proxies close connections on which nothing happens; the session is checked as often
_STREAMS = 10  # of a session or token


async def calls(visit: Visit) -> web.StreamResponse:
    """The latest calls. A link of the original names one of them in `transactionID`."""
    if named := visit.query.get("transactionID"):
        return visit.redirect(f"/logs/{links.segment(named)}")
    wanted = CallFilter.of(visit.query)
    live = visit.deps.live
    routers, models = live.names()
    return visit.page(
        "live.html",
        title="Live calls",
        calls=list(live.latest(wanted, _SHOWN)),
        wanted=wanted,
        routers=routers,
        models=models,
        bus=visit.deps.bus.is_connected,
    )


async def stream(visit: Visit) -> web.StreamResponse:
    """Calls as Server-Sent Events: each is a row of the table. Ends with the session, however many calls there are."""
    live = visit.deps.live
    watched_by = visit.user.session or visit.user.name
    if live.watched_by(watched_by) >= _STREAMS:
        raise Refused(429, f"a session may have {_STREAMS} live views: close one")
    watcher = live.watch(CallFilter.of(visit.query), watched_by)
    try:
        response = await visit.event_stream()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await _send(visit, watcher, response)
        return response
    finally:
        live.leave(watcher)


async def _send(visit: Visit, watcher: Watcher, response: web.StreamResponse) -> None:
    loop = asyncio.get_running_loop()
    check_at = loop.time() + _HEARTBEAT_S
    while True:
        if loop.time() >= check_at:
            if not await visit.is_still_signed_in():
                return
            await response.write(b": still here\n\n")
            check_at = loop.time() + _HEARTBEAT_S
        try:
            async with asyncio.timeout_at(check_at):
                call = await watcher.queue.get()
        except TimeoutError:
            continue
        if call is None:
            return
        await response.write(_event(visit, call))


def _event(visit: Visit, call: CallSummary) -> bytes:
    # the row is for the page /logs, and its links are relative to that
    row = visit.part("call_row.html", call=call)
    lines = "".join(f"data: {line}\n" for line in row.splitlines())
    return f"event: call\n{lines}\n".encode()


async def _older(visit: Visit, transaction_id: str) -> web.Response:
    """Lead to a call that is not in memory, if the ledger has it. Raises Refused."""
    try:
        found = await history.call_of(visit, transaction_id)
    except NoLedger as error:
        raise Refused(404, f"this call is not among the latest ones, and there is no ledger: {error}") from error
    except GechologError as error:
        message = f"this call is not among the latest ones, and older ones cannot be looked up now: {error}"
        raise Refused(503, message) from error
    if found is None:
        raise Refused(404, "this call is not among the latest ones, and the ledger does not have it")
    return visit.redirect(f"/history/{links.segment(found.call.id)}")


async def call(visit: Visit) -> web.StreamResponse:
    """One call. What clients ask and models answer is shown to those who may see it, and that is audited."""
    transaction_id = visit.request.match_info["id"]
    found = visit.deps.live.find(transaction_id)
    if found is None:
        return await _older(visit, transaction_id)
    may_see = visit.allows(Permission.SEE_PAYLOADS)
    record: dict[str, Any] = json.loads(found.record) if found.record is not None else {}
    if may_see and record:
        await visit.audit("see payloads", transaction_id)
    shown = record if may_see else anatomy.without_payloads(record)
    bars = anatomy.timeline(shown)
    return visit.page(
        "call.html",
        is_compressed=False,
        title="Call",
        call=found.summary,
        record=shown,
        upstream=(shown.get("request") or {}).get("url_path"),
        raw=json_html(anatomy.pretty(shown)) if shown else "",
        bars=placed(bars),
        borders=anatomy.borders(record) if may_see else [],
        may_see=may_see,
    )


ROUTES = (
    get("/logs", Permission.VIEW, calls),
    get("/logs/stream", Permission.VIEW, stream, is_quiet=True),
    get("/logs/{id}", Permission.VIEW, call),
)
NAVIGATION = (NavigationEntry("Live calls", "/logs", "activity", 20),)
