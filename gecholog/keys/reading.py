"""Reads and writes the JSON of entries. Pure.

    {"id": "k3v9x2ab", "hash": "sha256:…", "name": "ci", "owner": "platform", "created": "2026-11-30T12:00:00Z",
     "models": ["gpt-4o*"], "routers": ["/v1/"], "max_output_tokens": 4096}

A field that this version does not know makes the entry invalid, because it may be a restriction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, fields
from datetime import UTC, datetime
from typing import Any

import orjson

from gecholog.errors import GechologError
from gecholog.keys.credential import ID, ID_LENGTH
from gecholog.keys.entry import KeyEntry, OwnerEntry
from gecholog.quota.limits import LimitError, Limits, Quotas, budget_of, quotas_of
from gecholog.shorten import shorten

_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_LONGEST_TEXT = 256  # characters of names, tags and patterns
_MOST_ITEMS = 1000
_PATH = re.compile(r"/([A-Za-z0-9._/-]*/)?")


class InvalidEntry(GechologError):
    """An entry that cannot be used. The message lists what is wrong, and never has a value of the entry."""


def key_of(data: bytes) -> KeyEntry:
    """The key in the JSON of an entry. Raises InvalidEntry."""
    found = _read(_object(data), _KEY)
    _require(found, ("id", "hash"))
    if ("previous_hash" in found) != ("previous_expires" in found):
        raise InvalidEntry("previous_hash and previous_expires must be there together")
    return KeyEntry(**found)


def owner_of(data: bytes) -> OwnerEntry:
    """The owner in the JSON of an entry. Raises InvalidEntry."""
    found = _read(_object(data), _OWNER)
    _require(found, ("name",))
    return OwnerEntry(**found)


def as_json(entry: KeyEntry | OwnerEntry) -> dict[str, Any]:
    """The fields of an entry, without those that have their default."""
    shown: dict[str, Any] = {}
    for one in fields(entry):
        value = getattr(entry, one.name)
        default = one.default if one.default_factory is MISSING else one.default_factory()
        if value == default:
            continue
        if one.name == "limits":
            shown |= _limits_json(value)
        else:
            shown[one.name] = _WRITERS.get(one.name, _same)(value)
    return shown


def to_bytes(entry: KeyEntry | OwnerEntry) -> bytes:
    """The JSON of an entry, as in the bucket."""
    return orjson.dumps(as_json(entry))


def time_of(text: str) -> float:
    """The Unix time of a text (RFC 3339). Raises ValueError, also for a time without a zone."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("must have a time zone, such as Z")
    return found.timestamp()


def time_text(seconds: float) -> str:
    """A Unix time as text in UTC (RFC 3339), in whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


# ------------------------------------------------------------------ reading

_Reader = Callable[[Any], Any]


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise InvalidEntry("is not JSON") from None
    if not isinstance(value, dict):
        raise InvalidEntry("must be an object")
    return value


def _read(value: Mapping[str, Any], readers: Mapping[str, _Reader]) -> dict[str, Any]:
    """The fields of an entry, of which null counts as absent. Raises InvalidEntry with all problems."""
    found, problems = {}, []
    for name, given in value.items():
        if (reader := readers.get(name)) is None:
            problems.append(f"{shorten(name, _SHOWN)} is unknown")
        elif given is not None:
            try:
                found[name] = reader(given)
            except LimitError as error:  # which names the field
                problems.append(str(error))
            except ValueError as error:
                problems.append(f"{name} {error}")
    if problems:
        raise InvalidEntry("; ".join(problems))
    quotas, budget = found.pop("quotas", Quotas()), found.pop("budget", None)
    return found | {"limits": Limits(quotas, budget)}


_SHOWN = 32  # characters of an unknown field's name


def _require(found: Mapping[str, Any], names: tuple[str, ...]) -> None:
    if missing := [name for name in names if not found.get(name)]:
        raise InvalidEntry(f"{missing[0]} is missing")


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not value.isprintable():
        raise ValueError(f"must be a text of at most {_LONGEST_TEXT} printable characters")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MOST_ITEMS or not all(isinstance(one, str) for one in value):
        raise ValueError("must be a list of texts")
    return tuple(_text(one) for one in value)


def _some_texts(value: Any) -> tuple[str, ...]:
    if not (found := _texts(value)) or not all(found):
        raise ValueError("must not be empty: without the field there is no restriction")
    return found


def _paths(value: Any) -> tuple[str, ...]:
    found = _some_texts(value)
    if not all(_PATH.fullmatch(path) for path in found):
        raise ValueError("must be paths of routers, such as /v1/")
    return found


def _id(value: Any) -> str:
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise ValueError(f"must be {ID_LENGTH} lower-case letters and digits")
    return value


def _hash(value: Any) -> bytes:
    match = _HASH.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be sha256: and 64 hexadecimal digits")
    return bytes.fromhex(match[1])


def _time(value: Any) -> float:
    try:
        return time_of(value)
    except (TypeError, ValueError):
        raise ValueError("must be a time with its zone, such as 2027-01-31T12:00:00Z") from None


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 - one error for all wrong values
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 < value < 2**53:
        raise ValueError("must be a whole number above 0")
    return value


def _json_object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be an object")  # noqa: TRY004 - as above
    return value


_COMMON: dict[str, _Reader] = {
    "name": _text,
    "tags": _texts,
    "created": _time,
    "disabled": _flag,
    "quotas": quotas_of,
    "budget": budget_of,
    "metadata": _json_object,
}
_OWNER = _COMMON
_KEY: dict[str, _Reader] = _COMMON | {
    "id": _id,
    "hash": _hash,
    "owner": _text,
    "expires": _time,
    "models": _some_texts,
    "routers": _paths,
    "allow_unpriced": _flag,
    "max_output_tokens": _count,
    "max_body_bytes": _count,
    "record_payloads": _flag,
    "foreign": _flag,
    "previous_hash": _hash,
    "previous_expires": _time,
}

# ------------------------------------------------------------------ writing


def _same(value: Any) -> Any:
    return value


def _limits_json(limits: Limits) -> dict[str, Any]:
    quotas = {name: number for name, number in asdict(limits.quotas).items() if number is not None}
    shown: dict[str, Any] = {"quotas": quotas} if quotas else {}
    return shown if limits.budget is None else shown | {"budget": limits.budget.as_json()}


def _hash_text(value: bytes) -> str:
    return f"sha256:{value.hex()}"


_WRITERS: dict[str, Callable[[Any], Any]] = {
    "hash": _hash_text,
    "previous_hash": _hash_text,
    "created": time_text,
    "expires": time_text,
    "previous_expires": time_text,
    "metadata": dict,
}
