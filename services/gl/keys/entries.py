"""Makes entries from arguments. Pure."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection
from dataclasses import replace
from typing import Any, TypeVar

import orjson

from gecholog.keys import KeyEntry, OwnerEntry
from gecholog.keys.credential import digest, id_of, new_key
from gecholog.keys.reading import InvalidEntry, key_of, owner_of, to_bytes
from gecholog.quota.limits import Limits

E = TypeVar("E", KeyEntry, OwnerEntry)

_QUOTAS = ("rpm", "tpm", "rpd", "concurrency")
_FIELDS_CLEARED: dict[str, tuple[str, Any]] = {  # by option: the field, and its value without the option
    "allow-unpriced": ("allow_unpriced", False),
    "expires": ("expires", None),
    "max-body-bytes": ("max_body_bytes", None),
    "max-output-tokens": ("max_output_tokens", None),
    "model": ("models", None),
    "no-payloads": ("record_payloads", True),
    "owner": ("owner", ""),
    "router": ("routers", None),
    "tag": ("tags", ()),
}


def changed(entry: E, arguments: Namespace) -> E:
    """The entry with what the arguments say; what they leave out stays. Raises InvalidEntry."""
    entry = _cleared(entry, getattr(arguments, "clear", ()))
    fields: dict[str, Any] = {"limits": _limits(entry.limits, arguments)}
    if arguments.tag is not None:
        fields["tags"] = tuple(arguments.tag)
    if isinstance(entry, OwnerEntry):
        return owner_of(to_bytes(replace(entry, **fields)))
    for name in ("name", "owner", "expires", "max_output_tokens", "max_body_bytes", "allow_unpriced"):
        if (value := getattr(arguments, name)) is not None:
            fields[name] = value
    if arguments.model is not None:
        fields["models"] = tuple(arguments.model)
    if arguments.router is not None:
        fields["routers"] = tuple(arguments.router)
    if arguments.no_payloads:
        fields["record_payloads"] = False
    return key_of(to_bytes(replace(entry, **fields)))


def _cleared(entry: E, options: Collection[str]) -> E:
    """The entry without the settings of these options."""
    quotas = dict.fromkeys(name for name in _QUOTAS if name in options)
    limits = Limits(replace(entry.limits.quotas, **quotas), None if "budget" in options else entry.limits.budget)
    fields = {_FIELDS_CLEARED[name][0]: _FIELDS_CLEARED[name][1] for name in options if name in _FIELDS_CLEARED}
    return replace(entry, limits=limits, **fields)


def _limits(limits: Limits, arguments: Namespace) -> Limits:
    given = {name: value for name in _QUOTAS if (value := getattr(arguments, name)) is not None}
    return Limits(replace(limits.quotas, **given), arguments.budget or limits.budget)


def imported(data: bytes, now: float) -> list[KeyEntry | OwnerEntry]:
    """The entries in a file as `export` prints it. Raises InvalidEntry.

    In place of `hash` a key may have `secret`: a key that clients of another gateway use already. It needs no `id`.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise InvalidEntry("the file is not JSON") from None
    if not isinstance(value, dict) or not value.keys() & {"keys", "owners"}:
        raise InvalidEntry("the file must be an object with keys, owners or both")
    entries: list[KeyEntry | OwnerEntry] = []
    for name, read in (("keys", _imported_key), ("owners", _imported_owner)):
        listed = value.get(name, [])
        for index, one in enumerate(listed if isinstance(listed, list) else [None]):
            try:
                entries.append(read(one, now))
            except InvalidEntry as error:
                raise InvalidEntry(f"{name}[{index}] {error}") from None
    return entries


def _imported_key(value: Any, now: float) -> KeyEntry:
    if not isinstance(value, dict):
        raise InvalidEntry("must be an object")
    fields = {name: one for name, one in value.items() if name != "secret"}
    if (secret := value.get("secret")) is not None:
        fields |= _of_secret(secret, fields)
    entry = key_of(orjson.dumps(fields))
    return entry if entry.created else replace(entry, created=float(int(now)))


_SHORTEST = 20  # characters of a secret that is not ours; shorter ones can be guessed


def _of_secret(secret: Any, fields: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(secret, str) or len(secret) < _SHORTEST or not secret.isascii() or not secret.isprintable():
        raise InvalidEntry(f"secret must be a text of at least {_SHORTEST} printable characters")
    key_id = id_of(secret)
    ours = {"id": key_id} if key_id else {"id": fields.get("id") or new_key().id, "foreign": True}
    return ours | {"hash": f"sha256:{digest(secret).hex()}"}


def _imported_owner(value: Any, now: float) -> OwnerEntry:
    if not isinstance(value, dict):
        raise InvalidEntry("must be an object")
    entry = owner_of(orjson.dumps(value))
    return entry if entry.created else replace(entry, created=float(int(now)))
