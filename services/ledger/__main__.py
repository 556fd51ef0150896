"""The ledger from the command line: `python -m services.ledger stats`, in the image `./ledger`."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Sequence

from sqlalchemy.exc import SQLAlchemyError

from gecholog import health
from gecholog.errors import ConfigError, GechologError
from gecholog.ledger import queries, retention
from gecholog.ledger.answers import Call, json_of, plain
from gecholog.ledger.database import Database, open_reader, open_writer, reason_of
from gecholog.ledger.export import csv_line, exported
from gecholog.ledger.filters import CallFilter
from gecholog.ledger.queries import Order
from gecholog.ledger.settings import Settings, settings_of
from services.ledger import output
from services.ledger.arguments import BY, filter_of, parser
from services.ledger.recorded import Shown, with_payloads

_DAY_S = 86_400
_POLL_S = 1.0
_PAGE = 1000


class Declined(GechologError):
    """The question whether to delete was not answered with yes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0, or 1 if it could not be done."""
    arguments = parser().parse_args(argv)
    try:
        asyncio.run(_run(arguments))
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ConfigError, GechologError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except (SQLAlchemyError, OSError) as error:
        sys.stderr.write(f"error: the ledger cannot be used: {reason_of(error)}\n")
        return 1
    return 0


async def _run(arguments: Namespace) -> None:
    settings = settings_of(arguments.o)
    if arguments.command in _CHANGES:
        ledger = open_writer(settings.location)
        try:
            await ledger.migrate()
            await _CHANGES[arguments.command](ledger, arguments, settings)
        finally:
            await ledger.close()
        return
    async with open_reader(settings.location) as ledger:
        await _QUESTIONS[arguments.command](ledger, arguments)


def _palette() -> output.Palette:
    return output.Palette(colours=sys.stdout.isatty() and "NO_COLOR" not in os.environ)


# ------------------------------------------------------------------ questions


async def _stats(ledger: Database, arguments: Namespace) -> None:
    asked = filter_of(arguments, time.time(), _DAY_S)
    order = {"cost": Order.COST, "calls": Order.CALLS, "tokens": Order.TOKENS, "errors": Order.ERRORS}[arguments.order]
    found = output.Stats(
        totals=await queries.totals(ledger, asked),
        latency=await queries.latency(ledger, asked),
        groups=await queries.top(ledger, asked, BY[arguments.by], order, arguments.n, rest=True),
        errors=await queries.error_breakdown(ledger, asked),
        by=arguments.by,
    )
    _say(json_of(found).decode() + "\n" if arguments.json else output.stats(found, _palette()))


async def _tail(ledger: Database, arguments: Namespace) -> None:
    asked = filter_of(arguments, time.time(), 30 * _DAY_S)
    number = await queries.newest_number(ledger)  # first: a call that arrives meanwhile is found twice, not missed
    page = await queries.history(ledger, asked, arguments.n)
    palette = _palette()
    for call in reversed(page.calls):
        _say(output.call_line(call, palette, utc=arguments.utc) + "\n")
    if not arguments.follow:
        return
    printed = {call.id for call in page.calls}
    while True:
        await asyncio.sleep(_POLL_S)
        number, calls = await queries.since_number(ledger, asked, number)
        for call in calls:
            if call.id not in printed:
                _say(output.call_line(call, palette, utc=arguments.utc) + "\n")


async def _show(ledger: Database, arguments: Namespace) -> None:
    found = await queries.call_by_id(ledger, arguments.id)
    if found is None:
        raise GechologError(f"the ledger has no call {arguments.id}")
    shown = Shown(found, note="not asked for")
    if not arguments.no_payloads:
        shown = await with_payloads(found, arguments.o, health.home())
    if arguments.json:
        more = {"payloads_from": shown.source, "payloads_note": shown.note}
        _say(json_of(plain(shown.detail) | more).decode() + "\n")
    else:
        _say(output.details(shown.detail, _palette(), utc=False) + output.payload_note(shown.source, shown.note))


async def _export(ledger: Database, arguments: Namespace) -> None:
    asked = filter_of(arguments, time.time(), 10 * 366 * _DAY_S)
    headed = False
    async for call in _all(ledger, asked):
        if arguments.format == "jsonl":
            _say(output.json_line(call))
            continue
        fields = exported(call)
        if not headed:
            _say(csv_line(list(fields)))
            headed = True
        _say(csv_line(list(fields.values())))


async def _all(ledger: Database, asked: CallFilter) -> AsyncIterator[Call]:
    after = None
    while True:
        page = await queries.history(ledger, asked, _PAGE, after)
        for call in page.calls:
            yield call
        if page.next is None:
            return
        after = page.next


# ------------------------------------------------------------------ changes


async def _prune(ledger: Database, arguments: Namespace, settings: Settings) -> None:
    kept = settings.retention
    _confirm(
        f"Delete calls older than {_days(kept.calls_days)}, sums older than {_days(kept.rollups_days)} and "
        f"payloads older than {_days(kept.payloads_days)} from {ledger.location.shown}?",
        arguments,
    )
    deleted = await retention.prune(ledger, kept, time.time())
    _say(f"deleted {deleted.calls} calls, {deleted.rollups} sums, {deleted.payloads} payloads\n")


async def _erase(ledger: Database, arguments: Namespace, _: Settings) -> None:
    count = await retention.count_of_client(ledger, arguments.client)
    _confirm(f"Delete {count} calls of the client key {arguments.client} from {ledger.location.shown}?", arguments)
    deleted = await retention.erase_client(ledger, arguments.client)
    _say(
        f"deleted {deleted.calls} calls and {deleted.rollups} sums\n"
        "The record log and the files of other sinks may still have records of this client: see docs/ledger.md.\n"
    )


def _days(days: int) -> str:
    return f"{days} days" if days else "(never)"


def _confirm(question: str, arguments: Namespace) -> None:
    if arguments.yes:
        return
    if not sys.stdin.isatty():
        raise Declined("not deleted: there is nobody to ask, use --yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Declined("nothing was deleted")


def _say(text: str) -> None:
    sys.stdout.write(text)
    if sys.stdout.isatty() or len(text) < _PAGE:
        sys.stdout.flush()


_QUESTIONS = {"stats": _stats, "tail": _tail, "show": _show, "export": _export}
_CHANGES = {"prune": _prune, "erase": _erase}

if __name__ == "__main__":
    sys.exit(main())
