"""Key-value buckets: small state that replicas share, stored in a JetStream stream.

The format is that of NATS's own key-value (ADR-8: https://github.com/nats-io/nats-architecture-and-design), so that
`nats kv get` and any client library read and write the same entries.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from gecholog import jetstream, wire
from gecholog.bus import Bus
from gecholog.errors import BusError
from gecholog.jetstream import Errors, JetStreamRefused, NoJetStream
from gecholog.logs import Log
from gecholog.watch import Entry, Handler, Watch, consumer_config, is_removal

__all__ = ["Conflict", "Entry", "Handler", "KeyValue", "KeyValueRefused", "NoKeyValue", "Watch", "checked"]

log = Log("keyvalue")

_NO_REPLICAS = jetstream.TOO_FEW_SERVERS | {jetstream.NO_ROOM}
_MAX_BYTES = 16 * 1024 * 1024  # of a bucket; JetStream reserves this much disk space
_KEY = re.compile(r"[-/_=a-zA-Z0-9]+(\.[-/_=a-zA-Z0-9]+)*")
_BUCKET = re.compile(r"[-_a-zA-Z0-9]+")


class NoKeyValue(NoJetStream):
    """The bus has no JetStream: nothing can be shared."""


class KeyValueRefused(JetStreamRefused):
    """JetStream refused a request for the bucket."""


class Conflict(BusError):
    """Another client has written the key. `revision` is its current revision."""

    def __init__(self, revision: int) -> None:
        self.revision = revision
        super().__init__(f"the key has revision {revision}")


_ERRORS = Errors(NoKeyValue, KeyValueRefused)


class KeyValue:
    """One bucket. Keys are letters, digits and `- _ / =`, in parts with dots between."""

    def __init__(self, bus: Bus, bucket: str, *, max_bytes: int = _MAX_BYTES, replicas: int = 1) -> None:
        """Raises ValueError if the name is invalid. `max_bytes` applies only when the bucket is created.

        `replicas` is how many servers of a cluster keep it; one that has more keeps them.
        """
        if not _BUCKET.fullmatch(bucket):
            raise ValueError("a bucket's name is letters, digits, - and _")
        self._bus = bus
        self.bucket = bucket
        self._stream = f"KV_{bucket}"
        self.prefix = f"$KV.{bucket}."
        self._max_bytes = max_bytes
        self._replicas = replicas
        self.is_short = False
        self._has_warned = False

    async def ensure(self) -> None:
        """Create the bucket if it is missing, and raise its replicas if there are too few.

        If too few servers have space for it, it has one replica, or as many as before, and `is_short` is true. Raises
        NoKeyValue, KeyValueRefused, NoAnswer (retry), BusAway.
        """
        config = _stream_config(self._stream, self.prefix, self._max_bytes, self._replicas)
        self.is_short = False
        try:
            await self._ask(f"STREAM.CREATE.{self._stream}", config)
        except KeyValueRefused as error:
            if error.code in _NO_REPLICAS and self._replicas > 1:
                self._fall_short(error)
                await self._ask_if_missing(config | {"num_replicas": 1})
            elif error.code != jetstream.STREAM_EXISTS:
                raise
            elif self._replicas > 1:
                await self._raise_replicas()

    async def _ask_if_missing(self, config: Mapping[str, Any]) -> None:
        try:
            await self._ask(f"STREAM.CREATE.{self._stream}", config)
        except KeyValueRefused as error:
            if error.code != jetstream.STREAM_EXISTS:  # an existing bucket with another config is used as it is
                raise

    async def _raise_replicas(self) -> None:
        """Raise the replicas of an existing bucket. Nothing else about it is changed."""
        with jetstream.understood():
            config = (await self._ask(f"STREAM.INFO.{self._stream}", {}))["config"]
            if config.get("num_replicas", 1) >= self._replicas:
                return
        try:
            await self._ask(f"STREAM.UPDATE.{self._stream}", config | {"num_replicas": self._replicas})
        except KeyValueRefused as error:
            if error.code not in _NO_REPLICAS:
                raise
            self._fall_short(error)

    def _fall_short(self, error: KeyValueRefused) -> None:
        self.is_short = True
        if not self._has_warned:
            self._has_warned = True
            log.warning(
                "bucket has fewer replicas than configured",
                bucket=self.bucket,
                replicas=self._replicas,
                reason=str(error),
            )

    async def put(self, key: str, value: bytes) -> int:
        """Write a key unconditionally, and wait until the bus has stored it. Returns the revision.

        Raises BusError and ValueError; NobodyListens means that the bucket does not exist.
        """
        return await self._store(key, value)

    async def create(self, key: str, value: bytes) -> int:
        """Write a key that has no value. Returns the revision. Raises Conflict if it has one, else as `put`."""
        try:
            return await self.update(key, value, 0)
        except Conflict:
            last = await self._last(key)
            if last is None or last.value is not None:
                raise
            return await self.update(key, value, last.revision)  # overwrites a deletion marker

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """Write a key if it has this revision. Returns the new one. Raises Conflict if not, else the same as `put`."""
        try:
            return await self._store(key, value, {"Nats-Expected-Last-Subject-Sequence": str(revision)})
        except KeyValueRefused as error:
            if error.code not in jetstream.WRONG_SEQUENCE:
                raise
            last = await self._last(key)
            raise Conflict(last.revision if last else 0) from error

    async def get(self, key: str) -> Entry | None:
        """Read a key; None if it has no value. Raises the same as `ensure`, and ValueError."""
        last = await self._last(key)
        return None if last is None or last.value is None else last

    async def delete(self, key: str) -> None:
        """Delete a key, with a notification to watches. Leaves a small deletion marker. Raises the same as `put`."""
        await self._store(key, b"", {"KV-Operation": "DEL"})

    async def purge(self, key: str, revision: int) -> None:
        """Remove an entry if it has this revision, without marker and notification. Raises the same as `ensure`."""
        await self._ask(f"STREAM.PURGE.{self._stream}", {"filter": self.prefix + checked(key), "seq": revision + 1})

    async def watch(self, handler: Handler, keys: str = ">", begins: Callable[[], None] | None = None) -> Watch:
        """Call `handler` with every existing entry, then with each change, one after another, until `Watch.close`.

        After each loss of the bus it restarts with every entry; keys that are gone by then are reported as deleted.
        Creates the bucket if it is missing. `keys` may contain wildcards: `*` for one part, `>` at the end. Errors of
        the handler are logged. `begins` is called before each start: the bucket may be new, with revisions from 1.
        """
        return Watch(self._bus, self, handler, keys, begins)

    async def consume(self, consumer: str, inbox: str, keys: str) -> int:
        """Create a consumer that sends entries to `inbox` while it has a subscriber. Returns how many there are."""
        config = consumer_config(consumer, inbox, self.prefix + keys)
        call = f"CONSUMER.CREATE.{self._stream}.{consumer}"
        answer = await self._ask(call, {"stream_name": self._stream, "config": config})
        with jetstream.understood():
            return int(answer["num_pending"]) + int(answer["delivered"]["consumer_seq"])

    async def _last(self, key: str) -> Entry | None:
        """Return the last message of a key, which may be a deletion marker, or None if the key has no message."""
        try:
            answer = await self._ask(f"STREAM.MSG.GET.{self._stream}", {"last_by_subj": self.prefix + checked(key)})
        except KeyValueRefused as error:
            if error.code != jetstream.NO_MESSAGE:
                raise
            return None
        with jetstream.understood():
            message = answer["message"]
            headers = wire.decoded(base64.b64decode(message.get("hdrs", "")))
            value = None if is_removal(headers) else base64.b64decode(message.get("data", ""))
            return Entry(key, value, int(message["seq"]))

    async def _store(self, key: str, value: bytes, headers: dict[str, str] | None = None) -> int:
        block = wire.encoded(headers) if headers else b""
        word = await self._bus.request(self.prefix + checked(key), value, jetstream.TIMEOUT, block)
        answer = jetstream.answered(word, _ERRORS)
        with jetstream.understood():
            return int(answer["seq"])

    async def _ask(self, call: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await jetstream.ask(self._bus, call, body, _ERRORS)


def checked(key: str) -> str:
    """Return `key`. Raises ValueError if it is not a valid key."""
    if not _KEY.fullmatch(key):
        raise ValueError("a key is letters, digits, - _ / = in parts with dots between")
    return key


def _stream_config(stream: str, prefix: str, max_bytes: int, replicas: int) -> dict[str, Any]:
    """The config of a bucket's stream according to ADR-8: it stores the last message of each subject."""
    return {
        "name": stream,
        "subjects": [prefix + ">"],
        "retention": "limits",
        "storage": "file",
        "discard": "new",
        "max_msgs_per_subject": 1,
        "max_bytes": max_bytes,
        "num_replicas": replicas,
        "allow_direct": True,
        "allow_rollup_hdrs": True,
        "deny_delete": True,
    }
