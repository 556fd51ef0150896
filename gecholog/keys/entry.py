"""The entries of the bucket of client keys: keys, and the owners that keys may belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gecholog.quota.limits import NO_LIMITS, Limits

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A client key. Times are Unix times in seconds. None means no restriction.

    `hash` is the SHA-256 of the key. After a rotation the one before, `previous_hash`, is valid until
    `previous_expires`. `models` are names or globs that a client may ask for, `routers` are paths. A foreign key does
    not have our format: it was imported from another gateway, and is found by its hash alone.
    """

    id: str
    hash: bytes = field(repr=False)
    name: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    created: float = 0.0
    expires: float | None = None
    disabled: bool = False
    models: tuple[str, ...] | None = None
    routers: tuple[str, ...] | None = None
    limits: Limits = NO_LIMITS
    allow_unpriced: bool = False
    max_output_tokens: int | None = None
    max_body_bytes: int | None = None
    record_payloads: bool = True
    metadata: Json = field(default_factory=dict)
    foreign: bool = False
    previous_hash: bytes | None = field(default=None, repr=False)
    previous_expires: float = 0.0

    @property
    def client(self) -> dict[str, Any]:
        """The field `client` of records."""
        return {"key": self.id, "name": self.name, "owner": self.owner, "tags": list(self.tags)}


@dataclass(frozen=True, slots=True)
class OwnerEntry:
    """An owner of keys, such as a team. Its quotas and budget bound those of all its keys together."""

    name: str
    tags: tuple[str, ...] = ()
    created: float = 0.0
    disabled: bool = False
    limits: Limits = NO_LIMITS
    metadata: Json = field(default_factory=dict)
