"""Writes entries of client keys to the bucket, as any client of the bus may."""

import asyncio
import time
from typing import Any

from nats.aio.client import Client
from nats.js.kv import KeyValue

from gecholog.keys import KeyEntry
from gecholog.keys.bucket_key import of_key
from gecholog.keys.credential import NewKey, digest, new_key
from gecholog.keys.reading import to_bytes
from tests.support.nats_server import NatsServer

BUCKET = "gecholog_keys"


class ClientKeys:
    """The bucket of client keys on a server, which a gateway has made."""

    def __init__(self, server: NatsServer) -> None:
        self._server = server

    def create(self, **fields: Any) -> NewKey:
        """Make a key."""
        key = new_key()
        self.put(key, **fields)
        return key

    def put(self, key: NewKey, **fields: Any) -> None:
        """Write the entry of a key."""
        self.write(of_key(key.id), to_bytes(KeyEntry(key.id, digest(key.text), created=time.time(), **fields)))

    def write(self, key: str, value: bytes) -> None:
        """Write any entry."""
        asyncio.run(self._with_bucket(lambda bucket: bucket.put(key, value)))

    def delete(self, key: NewKey) -> None:
        """Delete a key."""
        asyncio.run(self._with_bucket(lambda bucket: bucket.delete(of_key(key.id))))

    async def _with_bucket(self, work: Any) -> Any:
        client = Client()
        await client.connect(f"nats://{self._server.hostname}", **self._server.login, allow_reconnect=False)
        try:
            bucket: KeyValue = await client.jetstream().key_value(BUCKET)
            return await work(bucket)
        finally:
            await client.close()
