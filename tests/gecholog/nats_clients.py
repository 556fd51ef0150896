"""Two clients of NATS behind one face, ours and nats-py, so that the same scenario can be run through either."""

import asyncio
import contextlib
import json

import nats
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import KeyValueConfig
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError

from gecholog import wire
from gecholog.bus import Bus, BusAddress
from gecholog.errors import BusError, NoAnswer, NobodyListens
from gecholog.keyvalue import Conflict, KeyValue
from gecholog.logs import Log
from tests.support.waiting import DEADLINE, eventually

NOBODY, LATE, CONFLICT = "nobody", "late", "conflict"
"""What went wrong, whatever a client calls it."""


class Ours:
    """The client of the project."""

    async def connect(self, server):
        self._bus = Bus(BusAddress.of(server.hostname, server.token), "ours", Log("ours"))
        self._running = asyncio.create_task(self._bus.run())
        async with asyncio.timeout(DEADLINE):
            await self._bus.opened()
        return self

    async def publish(self, subject, data, headers=None):
        await self._bus.publish(subject, data, wire.encoded(headers) if headers else b"")

    async def subscribe(self, subject, handler, queue=""):
        async def take(message):
            await handler(message.data, dict(message.headers), message.answer)

        await self._bus.subscribe(subject, take, queue)
        await self._bus.flush()

    async def request(self, subject, data, seconds=DEADLINE, headers=None):
        try:
            return await self._bus.request(subject, data, seconds, wire.encoded(headers) if headers else b"")
        except NobodyListens:
            return NOBODY
        except NoAnswer:
            return LATE

    async def store(self, subject, data, identity):
        """Publish to a stream: its name, the sequence, and whether the message was known."""
        answer = json.loads(await self._bus.request(subject, data, DEADLINE, wire.encoded({"Nats-Msg-Id": identity})))
        return answer["stream"], answer["seq"], answer.get("duplicate", False)

    async def bucket(self, name):
        made = KeyValue(self._bus, name)
        await made.ensure()
        return OurBucket(made)

    async def flush(self):
        await self._bus.flush()

    async def back(self):
        """Wait until it is connected again."""
        await eventually(lambda: self._bus.connected)

    async def drain(self, subject):
        """Take no more messages, handle those that have come, and leave."""
        await self._bus.unsubscribe(subject)
        await self.close()

    async def close(self):
        await self._bus.close()
        await asyncio.gather(self._running, return_exceptions=True)


class OurBucket:
    def __init__(self, bucket):
        self._bucket = bucket

    async def put(self, key, value):
        return await self._bucket.put(key, value)

    async def get(self, key):
        found = await self._bucket.get(key)
        return found and (found.value, found.revision)

    async def create(self, key, value):
        try:
            return await self._bucket.create(key, value)
        except Conflict:
            return CONFLICT

    async def update(self, key, value, revision):
        try:
            return await self._bucket.update(key, value, revision)
        except Conflict:
            return CONFLICT

    async def delete(self, key):
        await self._bucket.delete(key)

    async def watch(self, on_entry):
        """Append every entry to `heard`: key, value (None if deleted), revision. Returns what ends it."""

        async def take(entry):
            on_entry.append((entry.key, entry.value, entry.revision))

        watch = await self._bucket.watch(take)
        async with asyncio.timeout(DEADLINE):
            await watch.caught_up()
        return watch.close


class Theirs:
    """nats-py."""

    async def connect(self, server):
        async def ignore(_):
            """A server that goes away is part of some scenarios."""

        self._client = await nats.connect(
            f"nats://{server.hostname}",
            token=server.token,
            reconnect_time_wait=0.05,
            max_reconnect_attempts=-1,
            error_cb=ignore,
        )
        return self

    async def publish(self, subject, data, headers=None):
        await self._client.publish(subject, data, headers=headers)

    async def subscribe(self, subject, handler, queue=""):
        async def take(message):
            respond = message.respond if message.reply else _nothing
            await handler(message.data, dict(message.headers or {}), respond)

        await self._client.subscribe(subject, queue, cb=take)
        for _ in range(2):  # nats-py writes a PING at once, past a subscription that waits to be sent
            await self._client.flush()

    async def request(self, subject, data, seconds=DEADLINE, headers=None):
        try:
            return (await self._client.request(subject, data, seconds, headers=headers)).data
        except NoRespondersError:
            return NOBODY
        except NatsTimeoutError:
            return LATE

    async def store(self, subject, data, identity):
        ack = await self._client.jetstream().publish(subject, data, DEADLINE, headers={"Nats-Msg-Id": identity})
        return ack.stream, ack.seq, bool(ack.duplicate)

    async def bucket(self, name):
        context = self._client.jetstream()
        try:
            return TheirBucket(await context.key_value(name))
        except nats.js.errors.BucketNotFoundError:
            return TheirBucket(await context.create_key_value(KeyValueConfig(bucket=name, max_bytes=1 << 20)))

    async def flush(self):
        await self._client.flush()

    async def back(self):
        await eventually(lambda: self._client.is_connected)

    async def drain(self, subject):
        await self._client.drain()

    async def close(self):
        with contextlib.suppress(nats.errors.Error):
            await self._client.close()


async def _nothing(_):
    """A message that wants no answer gets none."""


class TheirBucket:
    def __init__(self, bucket):
        self._bucket = bucket

    async def put(self, key, value):
        return await self._bucket.put(key, value)

    async def get(self, key):
        try:
            found = await self._bucket.get(key)
        except KeyNotFoundError:  # also of one that was deleted
            return None
        return found.value or b"", found.revision

    async def create(self, key, value):
        try:
            return await self._bucket.create(key, value)
        except KeyWrongLastSequenceError:
            return CONFLICT

    async def update(self, key, value, revision):
        try:
            return await self._bucket.update(key, value, revision)
        except KeyWrongLastSequenceError:
            return CONFLICT

    async def delete(self, key):
        await self._bucket.delete(key)

    async def watch(self, on_entry):
        watcher = await self._bucket.watchall()
        current = asyncio.Event()

        async def follow():
            async for entry in watcher:
                if entry is None:
                    current.set()  # everything that was there has been told
                else:
                    value = None if entry.operation in ("DEL", "PURGE") else entry.value or b""
                    on_entry.append((entry.key, value, entry.revision))

        following = asyncio.create_task(follow())
        async with asyncio.timeout(DEADLINE):
            await current.wait()

        async def close():
            await watcher.stop()
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

        return close


CLIENTS = {"ours": Ours, "theirs": Theirs}
ERRORS = (BusError, nats.errors.Error, TimeoutError)
