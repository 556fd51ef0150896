"""The arguments of the command."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from gecholog import __version__, health
from gecholog.ledger.filters import SECOND_US, CallFilter, Dimension, TimeRange

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,6})([smhdw])")
_EPILOG = """examples:
  ledger stats                                  the last 24 hours
  ledger stats --since 7d --by model --client k3v9x2ab
  ledger tail -f --errors                       failed calls as they happen
  ledger show 1d0c1f6f0b0a4a7b8f0e2f9d3c5b7a91
  ledger export --since 30d --format csv > calls.csv
  ledger erase --client k3v9x2ab                everything of one client key
"""
BY = {
    "router": Dimension.ROUTER,
    "client": Dimension.CLIENT,
    "owner": Dimension.OWNER,
    "provider": Dimension.PROVIDER,
    "model": Dimension.MODEL,
    "status": Dimension.STATUS,
    "error": Dimension.ERROR_CLASS,
}
"""What `stats --by` groups by."""


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    made = argparse.ArgumentParser(
        prog="ledger",
        description="Show, export and delete what the ledger knows of the calls. It is the ledger that the config of "
        "nats2ledger names.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=__version__)
    usual = health.home() / "conf" / "nats2ledger_config.json"
    made.add_argument("-o", metavar="FILE", type=Path, default=usual, help="config of nats2ledger")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    stats = _add(commands, "stats", "sums, latency, errors and the largest groups", _filter)
    stats.add_argument("--by", choices=BY, default="model", help="what to group by (default: model)")
    stats.add_argument("--order", choices=["cost", "calls", "tokens", "errors"], default="cost", help="largest by")
    stats.add_argument("-n", type=_count, default=10, metavar="NUMBER", help="groups to show (default: 10)")
    stats.add_argument("--json", action="store_true", help="as JSON: money in pico-USD, times in microseconds")
    tail = _add(commands, "tail", "the latest calls, one per line", _filter)
    tail.add_argument("-n", type=_count, default=20, metavar="NUMBER", help="calls to show (default: 20)")
    tail.add_argument("-f", "--follow", action="store_true", help="go on with new calls as they arrive (Ctrl-C ends)")
    show = _add(commands, "show", "one call with its attempts and, while the record log has them, its payloads")
    show.add_argument("id", help="record id, or transaction id (the header Session-Id of the response)")
    show.add_argument("--json", action="store_true", help="as JSON")
    show.add_argument(
        "--no-payloads", action="store_true", help="do not fetch what was sent and received from the record log"
    )
    export = _add(commands, "export", "all calls of a filter, the latest first, to standard output", _filter)
    export.add_argument("--format", choices=["jsonl", "csv"], default="jsonl", help="(default: jsonl)")
    prune = _add(commands, "prune", "delete what is older than the retention of the config now")
    prune.add_argument("--yes", action="store_true", help="do not ask")
    erase = _add(commands, "erase", "delete every row of a client key (docs/ledger.md says what else to do)")
    erase.add_argument("--client", required=True, metavar="ID", help="id of the client key")
    erase.add_argument("--yes", action="store_true", help="do not ask")
    return made


_Options = Callable[[argparse.ArgumentParser], None]


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, about: str, *options: _Options
) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.", allow_abbrev=False)
    for option in options:
        option(made)
    return made


def _filter(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("which calls")
    group.add_argument(
        "--since", type=_since, default=None, metavar="TIME", help="30m, 24h, 7d, or a time such as 2026-11-30T12:00"
    )
    group.add_argument("--until", type=_since, default=None, metavar="TIME", help="the same (default: now)")
    for name, about in (
        ("router", "path of a router"),
        ("client", "id of a client key"),
        ("owner", "owner of the key"),
        ("tag", "one of the tags of the key"),
        ("provider", "provider that answered"),
        ("model", "model that answered"),
        ("session", "id of a session"),
    ):
        group.add_argument(f"--{name}", metavar=name.upper(), help=about)
    group.add_argument("--status", type=_status, metavar="CODE", help="status that the client received")
    group.add_argument("--errors", action="store_true", default=None, help="failed calls only")
    command.add_argument("--utc", action="store_true", help="times in UTC instead of local time")


def filter_of(arguments: argparse.Namespace, now: float, usual_s: int) -> CallFilter:
    """The filter of the arguments; without --since the last `usual_s` seconds. Raises ValueError."""
    end = now + 60 if arguments.until is None else arguments.until(now)
    start = max(0.0, now - usual_s) if arguments.since is None else arguments.since(now)
    if start > end:
        raise ValueError("--since must be before --until")
    names = ("router", "client", "owner", "tag", "provider", "model", "session", "status", "errors")
    return CallFilter(
        TimeRange(int(start * SECOND_US), int(end * SECOND_US)), **{name: getattr(arguments, name) for name in names}
    )


def _since(text: str) -> Callable[[float], float]:
    """A time in seconds since 1970, from the time of the command."""
    if match := _DURATION.fullmatch(text):
        seconds = int(match[1]) * _SECONDS[match[2]]
        return lambda now: max(0.0, now - seconds)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "must be a duration such as 24h or 7d, or a time such as 2026-11-30T12:00"
        ) from None
    try:
        seconds_at = at.astimezone(UTC).timestamp() if at.tzinfo else time.mktime(at.timetuple())
    except OverflowError:
        raise argparse.ArgumentTypeError("must be a time in the years 1 to 9999 of UTC") from None
    return lambda _: max(0.0, seconds_at)


def _status(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) == 3 and text[0] != "0"):  # noqa: PLR2004 - HTTP
        raise argparse.ArgumentTypeError("must be the status of a response, from 100 to 999")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:  # noqa: PLR2004 - a page of the history
        raise argparse.ArgumentTypeError("must be from 1 to 1000")
    return int(text)
