"""The entries of the bucket of client keys as they arrive, one after another, and as a file that outlives a restart.

Only an explicit deletion removes a key. A key that is merely missing, because the bucket was wiped or is an old copy,
stays in force: a lost disk must not lock everybody out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from gecholog.keys import bucket_key
from gecholog.keys.entry import KeyEntry, OwnerEntry
from gecholog.keys.reading import InvalidEntry, as_json, key_of, owner_of
from gecholog.keys.snapshot import KeySnapshot


class KeyState:
    """All entries that are known."""

    def __init__(self) -> None:
        self._keys: dict[str, KeyEntry] = {}
        self._owners: dict[str, OwnerEntry] = {}
        self._deleted: set[str] = set()
        self._unreadable: dict[str, str] = {}  # key in the bucket → reason

    def apply(self, key: str, value: bytes | None) -> None:
        """Put an entry in force; None deletes it. Raises InvalidEntry: then calls with the key are refused.

        `key` is that of the bucket. Keys of other kinds are ignored.
        """
        self._unreadable.pop(key, None)
        try:
            if key_id := bucket_key.key_id(key):
                self._apply_key(key_id, value)
            elif name := bucket_key.owner_name(key):
                self._apply_owner(name, value)
        except InvalidEntry as error:
            self._unreadable[key] = str(error)
            raise

    def _apply_key(self, key_id: str, value: bytes | None) -> None:
        self._keys.pop(key_id, None)
        if value is None:
            self._deleted.add(key_id)
            return
        self._deleted.discard(key_id)
        entry = key_of(value)
        if entry.id != key_id:
            raise InvalidEntry("id differs from the id in the bucket's key")
        self._keys[key_id] = entry

    def _apply_owner(self, name: str, value: bytes | None) -> None:
        self._owners.pop(name, None)
        if value is None:
            return
        entry = owner_of(value)
        if entry.name != name:
            raise InvalidEntry("name differs from the name in the bucket's key")
        self._owners[name] = entry

    def snapshot(self) -> KeySnapshot:
        """The entries as they are now."""
        return KeySnapshot.of(
            self._keys.values(),
            self._owners.values(),
            self._deleted,
            filter(None, map(bucket_key.key_id, self._unreadable)),
            filter(None, map(bucket_key.owner_name, self._unreadable)),
        )

    def names(self) -> set[str]:
        """The keys, in the bucket, of all keys and owners in force."""
        return {*map(bucket_key.of_key, self._keys), *map(bucket_key.of_owner, self._owners)}

    def to_bytes(self, bucket: str) -> bytes:
        """The entries as the content of a file. `bucket` names where they are from."""
        return orjson.dumps(
            {
                "bucket": bucket,
                "keys": [as_json(entry) for entry in self._keys.values()],
                "owners": [as_json(entry) for entry in self._owners.values()],
                "deleted": sorted(self._deleted),
                "unreadable": self._unreadable,
            },
            option=orjson.OPT_INDENT_2,
        )


def state_of(data: bytes, bucket: str) -> KeyState:
    """The entries in a file that `KeyState.to_bytes` wrote; none if it is of another bucket. Raises InvalidEntry."""
    state = KeyState()
    try:
        value: dict[str, Any] = orjson.loads(data)
        if value["bucket"] != bucket:
            return state
        for entry in value["keys"]:
            state.apply(bucket_key.of_key(entry["id"]), orjson.dumps(entry))
        for entry in value["owners"]:
            state.apply(bucket_key.of_owner(entry["name"]), orjson.dumps(entry))
        _apply_rest(state, value["deleted"], value["unreadable"])
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise InvalidEntry("is no file of client keys") from error
    return state


def _apply_rest(state: KeyState, deleted: Iterable[str], unreadable: dict[str, str]) -> None:
    state._deleted |= set(deleted)  # noqa: SLF001 - of this module
    state._unreadable |= unreadable  # noqa: SLF001 - as above
