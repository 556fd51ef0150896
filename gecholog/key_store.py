"""Reads and changes client keys and their owners in the bucket, for commands and for the GUI."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field, replace

from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig
from nats.js.errors import BucketNotFoundError, KeyDeletedError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from gecholog.bus_address import BusAddress
from gecholog.bus_storage import BusStorage
from gecholog.errors import BusError
from gecholog.keys import KeyEntry, OwnerEntry, bucket_key
from gecholog.keys.credential import digest
from gecholog.keys.reading import InvalidEntry, key_of, owner_of, to_bytes
from gecholog.nats_login import connected

BUCKET = "keys"
_ATTEMPTS = 5
_MAX_BYTES = 16 * 1024 * 1024  # as gl makes the bucket


class Exists(BusError):
    """The key or the owner exists already, or was changed by someone else meanwhile."""


@dataclass(slots=True)
class Contents:
    """All entries. `invalid` are keys of the bucket whose entries cannot be read, with the reasons."""

    keys: dict[str, KeyEntry] = field(default_factory=dict)
    owners: dict[str, OwnerEntry] = field(default_factory=dict)
    invalid: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    revisions: dict[str, int] = field(default_factory=dict)

    def add(self, key: str, value: bytes | None, revision: int) -> None:
        """Add an entry; None is a deletion."""
        self.revisions[key] = revision
        try:
            if value is None:
                self.deleted.add(key)
            elif bucket_key.key_id(key):
                entry = key_of(value)
                self.keys[entry.id] = entry
            elif bucket_key.owner_name(key):
                owner = owner_of(value)
                self.owners[owner.name] = owner
        except InvalidEntry as error:
            self.invalid[key] = str(error)

    def named(self, text: str) -> list[KeyEntry]:
        """The key with this id, else the keys with this name."""
        if (found := self.keys.get(text)) is not None:
            return [found]
        return [key for key in self.keys.values() if key.name == text]


class KeyStore:
    """The bucket of client keys. All methods raise BusError."""

    def __init__(self, bucket: KeyValue) -> None:
        self._bucket = bucket

    async def read(self) -> Contents:
        """All entries as they are now."""
        contents = Contents()
        with _understood():
            for entry in await all_entries(self._bucket):
                contents.add(entry.key, None if entry.operation else entry.value or b"", entry.revision or 0)
        return contents

    async def create(self, entry: KeyEntry | OwnerEntry) -> None:
        """Add an entry. Raises Exists."""
        with _understood():
            await self._bucket.create(_key(entry), to_bytes(entry))

    async def update(self, entry: KeyEntry | OwnerEntry, revision: int) -> None:
        """Replace the entry that has this revision. Raises Exists."""
        with _understood():
            await self._bucket.update(_key(entry), to_bytes(entry), last=revision)

    async def put(self, entry: KeyEntry | OwnerEntry) -> None:
        """Write an entry in place of any other."""
        with _understood():
            await self._bucket.put(_key(entry), to_bytes(entry))

    async def delete(self, key: str) -> None:
        """Delete an entry by its key in the bucket. One that is missing there may be in force in a gateway's mirror."""
        with _understood():
            await self._bucket.delete(key)

    async def restore(self, entries: Iterable[KeyEntry | OwnerEntry]) -> list[str]:
        """Add those entries that the bucket has never had. Returns their keys. Deleted ones stay deleted."""
        contents = await self.read()
        restored = []
        for entry in entries:
            if (key := _key(entry)) not in contents.revisions:
                await self.create(entry)
                restored.append(key)
        return restored


def _key(entry: KeyEntry | OwnerEntry) -> str:
    return bucket_key.of_key(entry.id) if isinstance(entry, KeyEntry) else bucket_key.of_owner(entry.name)


async def all_entries(bucket: KeyValue) -> list[KeyValue.Entry]:
    """The present entries of a bucket, deleted ones as well. Raises what nats-py raises.

    nats-py may take a full bucket for an empty one on a busy machine: it asks how many entries are pending when all of
    them are on their way, and none has arrived. So nothing is believed only if the bucket says that it has nothing.
    """
    for _ in range(_ATTEMPTS):
        found = await _watched(bucket)
        if found or not (await bucket.status()).values:
            return found
    raise TimeoutError


async def _watched(bucket: KeyValue) -> list[KeyValue.Entry]:
    watcher = await bucket.watchall()
    found: list[KeyValue.Entry] = []
    try:
        async for entry in watcher:
            if entry is None:  # that was all
                break
            found.append(entry)
    finally:
        await watcher.stop()  # type: ignore[no-untyped-call] # has no types
    return found


def rotated(entry: KeyEntry, key: str, until: float) -> KeyEntry:
    """The entry with a new key. The present one is valid until then (Unix time)."""
    return replace(entry, hash=digest(key), previous_hash=entry.hash, previous_expires=until)


@contextlib.asynccontextmanager
async def opened(address: BusAddress, storage: BusStorage) -> AsyncIterator[KeyStore]:
    """Open the key store of an appliance for a `with` block. Creates a missing bucket. Raises BusError."""
    async with connected(address, "keys") as client:
        with _understood():
            bucket = await _bucket(client.jetstream(), storage)
        yield KeyStore(bucket)


async def _bucket(context: JetStreamContext, storage: BusStorage) -> KeyValue:
    name = storage.bucket(BUCKET)
    try:
        return await context.key_value(name)
    except BucketNotFoundError:
        config = KeyValueConfig(bucket=name, max_bytes=_MAX_BYTES, replicas=storage.replicas)
        return await context.create_key_value(config)


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """Raise errors of nats-py as our own."""
    try:
        yield
    except KeyWrongLastSequenceError as error:
        raise Exists("it exists already, or was changed meanwhile") from error
    except (KeyNotFoundError, KeyDeletedError) as error:
        raise BusError("the bucket has no entry with this key") from error
    except (Error, TimeoutError) as error:
        raise BusError(f"the bus refused: {error}" if str(error) else "the bus does not answer") from error
