"""What the command prints. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from gecholog.keys import KeyEntry, OwnerEntry
from gecholog.keys.reading import as_json, time_text

_SECRET = "store it now: it is not shown again"  # noqa: S105 - a text for people


def json_text(value: Any) -> str:
    """A value as indented JSON."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n"


def shown(entry: KeyEntry | OwnerEntry) -> dict[str, Any]:
    """The fields of an entry that people may see: no hashes."""
    return {name: value for name, value in as_json(entry).items() if name not in {"hash", "previous_hash"}}


def details(entry: KeyEntry | OwnerEntry, secret: str = "") -> str:
    """An entry, one field a line."""
    fields = {"secret": f"{secret}   ({_SECRET})"} if secret else {}
    fields |= {name.replace("_", " "): _text(value) for name, value in shown(entry).items()}
    width = max(map(len, fields))
    return "".join(f"{name:{width}}  {value}\n" for name, value in fields.items())


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def keys_table(keys: Iterable[KeyEntry], now: float) -> str:
    """All keys, one a line."""
    rows = [
        (key.id, key.name, key.owner, _state(key, now), _day(key.created), _day(key.expires), *_limits(key))
        for key in sorted(keys, key=lambda one: (one.owner, one.name, one.id))
    ]
    heads = ("ID", "NAME", "OWNER", "STATE", "CREATED", "EXPIRES", "BUDGET", "QUOTAS")
    return _table(heads, rows) if rows else "no keys yet: keys create\n"


def owners_table(owners: Iterable[OwnerEntry]) -> str:
    """All owners, one a line."""
    rows = [(owner.name, *_limits(owner)) for owner in sorted(owners, key=lambda one: one.name)]
    return _table(("OWNER", "BUDGET", "QUOTAS"), rows) if rows else "no owners yet: keys owner set NAME\n"


def _limits(entry: KeyEntry | OwnerEntry) -> tuple[str, str]:
    """The budget and the quotas of an entry."""
    fields = shown(entry)
    return _text(fields.get("budget", {})), _text(fields.get("quotas", {}))


def _state(key: KeyEntry, now: float) -> str:
    if key.disabled:
        return "disabled"
    if key.expires is not None and key.expires <= now:
        return "expired"
    return "rotating" if key.previous_expires > now else "active"


def _day(seconds: float | None) -> str:
    return time_text(seconds)[:10] if seconds else ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    return "".join(_line(row, widths) for row in (heads, *rows))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells: Iterator[str] = (f"{text:{width}}" for text, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip() + "\n"
