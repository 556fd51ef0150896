"""The arguments of the command."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from gecholog import __version__, health
from gecholog.keys.reading import time_of
from gecholog.quota.limits import Budget, LimitError, budget_of_text

_DURATION = re.compile(r"([0-9]+)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_CLEARED_OF_OWNER = ("budget", "concurrency", "rpd", "rpm", "tag", "tpm")
_CLEARED_OF_KEY = (
    "allow-unpriced",
    "expires",
    "max-body-bytes",
    "max-output-tokens",
    "model",
    "no-payloads",
    "owner",
    "router",
)
_EPILOG = """examples:
  keys create --name ci --owner platform --model 'gpt-4o*' --rpm 60 --budget 20/month
  keys list
  keys rotate ci --grace 7d
  keys set ci --clear expires --clear budget
  keys disable k3v9x2ab
  keys owner set platform --budget 500/month
"""


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    made = argparse.ArgumentParser(
        prog="keys",
        description="Make, show, change and revoke client keys. Changes take effect at once, without a restart.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=__version__)
    made.add_argument("-o", metavar="FILE", type=Path, default=health.home() / "conf" / "gl_config.json", help="config")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add(commands, "create", "make a key; its secret is shown once", _key_options)
    _add(commands, "list", "all keys")
    _add(commands, "show", "one key", _which)
    _add(commands, "set", "change what a key may do", _which, _key_options, _clear_key)
    _add(commands, "rotate", "give a key a new secret; the old one is valid for a while", _which, _grace)
    _add(commands, "disable", "refuse a key until it is enabled again", _which)
    _add(commands, "enable", "accept a disabled key again", _which)
    _add(commands, "delete", "remove a key for good", _which)
    _add(commands, "export", "all entries as JSON: hashes, no secrets")
    _add(commands, "import", "add entries from a file, or from the mirror of a gateway", _import_options)
    owner = _add(commands, "owner", "owners of keys").add_subparsers(
        dest="owner_command", metavar="COMMAND", required=True
    )
    _add(owner, "set", "make or change an owner", _owner_name, _owner_options, _clear_owner)
    _add(owner, "list", "all owners")
    _add(owner, "delete", "remove an owner; its keys stay", _owner_name)
    return made


_Options = Callable[[argparse.ArgumentParser], None]


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, about: str, *options: _Options
) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.", allow_abbrev=False)
    for add in options:
        add(made)
    made.add_argument("--json", action="store_true", help="print JSON")
    return made


def _which(made: argparse.ArgumentParser) -> None:
    made.add_argument("key", metavar="KEY", help="id or name of the key")


def _owner_name(made: argparse.ArgumentParser) -> None:
    made.add_argument("name", metavar="NAME", help="name of the owner")


def _grace(made: argparse.ArgumentParser) -> None:
    about = "how long the old secret is valid (1d), 0s: not at all"
    made.add_argument("--grace", metavar="TIME", type=_seconds, default=86_400, help=about)


def _key_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--name", metavar="TEXT", help="what people call the key")
    made.add_argument("--owner", metavar="NAME", help="team or person that the key belongs to")
    made.add_argument(
        "--expires", metavar="TIME", type=_expiry, help="2027-01-31, 2027-01-31T12:00:00Z, or 90d from now"
    )
    made.add_argument("--model", metavar="NAME", action="append", help="model that it may ask for, with *; repeat")
    made.add_argument("--router", metavar="PATH", action="append", help="router that it may use, such as /v1/; repeat")
    made.add_argument("--max-output-tokens", metavar="N", type=int, help="most tokens of an answer")
    made.add_argument("--max-body-bytes", metavar="N", type=int, help="largest request")
    made.add_argument("--no-payloads", action="store_true", default=None, help="keep payloads out of its records")
    made.add_argument("--allow-unpriced", action="store_true", default=None, help="allow models without a known price")
    _owner_options(made)


def _owner_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--tag", metavar="TEXT", action="append", help="label for records; repeat")
    made.add_argument("--rpm", metavar="N", type=int, help="requests per minute")
    made.add_argument("--tpm", metavar="N", type=int, help="tokens per minute")
    made.add_argument("--rpd", metavar="N", type=int, help="requests per day")
    made.add_argument("--concurrency", metavar="N", type=int, help="calls at the same time")
    made.add_argument("--budget", metavar="AMOUNT", type=_budget, help="20/month (USD), or '5000000 tokens/day'")


def _clear_key(made: argparse.ArgumentParser) -> None:
    _clear(made, (*_CLEARED_OF_OWNER, *_CLEARED_OF_KEY))


def _clear_owner(made: argparse.ArgumentParser) -> None:
    _clear(made, _CLEARED_OF_OWNER)


def _clear(made: argparse.ArgumentParser, names: tuple[str, ...]) -> None:
    about = f"remove a limit or a setting; repeat. One of {', '.join(names)}"
    made.add_argument("--clear", metavar="NAME", action="append", default=[], choices=names, help=about)


def _import_options(made: argparse.ArgumentParser) -> None:
    source = made.add_mutually_exclusive_group(required=True)
    source.add_argument("file", metavar="FILE", nargs="?", type=Path, help="a file as `export` prints it")
    source.add_argument("--from-mirror", action="store_true", help="restore what the bucket has lost")
    made.add_argument("--overwrite", action="store_true", help="replace entries that exist")


def _seconds(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError("must be a number with s, m, h, d or w, such as 7d")
    return int(match[1]) * _SECONDS[match[2]]


def _expiry(text: str) -> float:
    if _DURATION.fullmatch(text):
        return float(int(time.time()) + _seconds(text))
    try:
        if len(text) == len("2027-01-31"):
            return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        return time_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be a date, a time with its zone, or a duration such as 90d") from None


def _budget(text: str) -> Budget:
    try:
        return budget_of_text(text)
    except LimitError as error:
        raise argparse.ArgumentTypeError(f"must be such as 20/month or '5000000 tokens/day': {error}") from None
