"""All client keys at one moment. A call takes the snapshot when it starts, and keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from hmac import compare_digest

from gecholog.keys.credential import digest, id_of
from gecholog.keys.entry import KeyEntry, OwnerEntry

_NO_HASH = bytes(32)


class Rejection(Enum):
    """Why a credential is not valid.

    REFUSED: the key is known, and it is disabled, expired or deleted, or the secret is wrong. UNKNOWN: no such key is
    known. It may be valid if the snapshot is older than the key. UNREADABLE: the entry of the key or of its owner is
    invalid.
    """

    REFUSED = "refused"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class KeySnapshot:
    """Keys by their ids and owners by their names.

    `deleted` are ids of keys that were deleted. `unreadable` are ids of keys, and `unreadable_owners` names of owners,
    whose entries are invalid.
    """

    keys: Mapping[str, KeyEntry] = field(default_factory=dict)
    owners: Mapping[str, OwnerEntry] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()
    unreadable_owners: frozenset[str] = frozenset()
    _foreign: Mapping[bytes, KeyEntry] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        keys: Iterable[KeyEntry],
        owners: Iterable[OwnerEntry] = (),
        deleted: Iterable[str] = (),
        unreadable: Iterable[str] = (),
        unreadable_owners: Iterable[str] = (),
    ) -> KeySnapshot:
        """Index entries."""
        by_id = {key.id: key for key in keys}
        return cls(
            by_id,
            {owner.name: owner for owner in owners},
            frozenset(deleted),
            frozenset(unreadable),
            frozenset(unreadable_owners),
            {one: key for key in by_id.values() if key.foreign for one in _hashes(key)},
        )

    @property
    def has_foreign(self) -> bool:
        """Whether there are keys that do not have our format."""
        return bool(self._foreign)

    def find(self, credential: str, now: float) -> KeyEntry | Rejection:
        """The valid key with this text, or the reason for its rejection. `now` is a Unix time.

        The time that this takes does not tell which part of a wrong key is right.
        """
        hashed = digest(credential)
        key_id = id_of(credential)
        key = self.keys.get(key_id) if key_id else self._foreign.get(hashed)
        if key is None:
            compare_digest(hashed, _NO_HASH)
            if key_id in self.deleted:
                return Rejection.REFUSED
            return Rejection.UNREADABLE if key_id in self.unreadable else Rejection.UNKNOWN
        is_right = compare_digest(hashed, key.hash) or _is_previous(hashed, key, now)
        if not is_right or self._is_closed(key, now):
            return Rejection.REFUSED
        return Rejection.UNREADABLE if key.owner in self.unreadable_owners else key

    def _is_closed(self, key: KeyEntry, now: float) -> bool:
        """Whether a key is disabled or expired, or its owner is disabled."""
        if key.disabled or (key.expires is not None and key.expires <= now):
            return True
        owner = self.owners.get(key.owner) if key.owner else None
        return owner is not None and owner.disabled


EMPTY = KeySnapshot()


def _hashes(key: KeyEntry) -> tuple[bytes, ...]:
    return (key.hash,) if key.previous_hash is None else (key.hash, key.previous_hash)


def _is_previous(hashed: bytes, key: KeyEntry, now: float) -> bool:
    """Whether this is the secret before the last rotation, in its grace period."""
    return key.previous_hash is not None and compare_digest(hashed, key.previous_hash) and now < key.previous_expires
