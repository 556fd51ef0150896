"""The bus, as far as the web interface uses it: records come in, entries of the audit log go out.

The interface works without the bus, and reconnects when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error
from nats.js.errors import NotFoundError

from gecholog.bus_address import BusAddress
from gecholog.errors import BusError
from gecholog.logs import Log
from gecholog.nats_login import connect

log = Log("bus")

_PAUSE_S = 2.0  # before the next attempt
_PENDING_BYTES = 32 * 1024 * 1024  # records that wait to be read; beyond, the live view skips some
_PENDING_MESSAGES = 4096
_PING_S = 5  # two lost pings: the connection is gone


class GuiBus:
    """A connection that is made again whenever it is lost. `on_record` gets the bytes of each record."""

    def __init__(
        self, address: BusAddress, name: str, record_topic: str, audit_topic: str, on_record: Callable[[bytes], None]
    ) -> None:
        self.address = address
        self.topics = (record_topic, audit_topic)
        self._name = name
        self._on_record = on_record
        self._client: Client | None = None
        self._reason = ""
        self._over = asyncio.Event()  # the connection is gone, or this object is not used any more
        self._closing = False

    @property
    def is_connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def run(self) -> None:
        """Stay connected until `close`."""
        while not self._closing:
            try:
                await self._stay()
            except (BusError, Error, OSError) as error:
                if str(error) != self._reason:
                    log.warning("bus not reached, retrying", reason=str(error))
                self._reason = str(error)
            finally:
                await self._disconnect()
            if not self._closing:
                self._over.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), _PAUSE_S)

    async def _stay(self) -> None:
        self._over.clear()

        async def closed() -> None:
            self._over.set()

        async def failed(error: Exception) -> None:
            log.debug("bus error", reason=str(error))

        client = await connect(
            self.address, self._name, disconnected_cb=closed, closed_cb=closed, error_cb=failed, ping_interval=_PING_S
        )
        self._client = client
        await client.subscribe(
            self.topics[0], cb=self._received, pending_msgs_limit=_PENDING_MESSAGES, pending_bytes_limit=_PENDING_BYTES
        )
        await client.flush()
        self._reason = ""
        log.info("bus connected", hostname=self.address.hostname)
        if self._closing:
            return
        await self._over.wait()
        if not self._closing:
            log.warning("bus connection lost")

    async def _received(self, message: Msg) -> None:
        self._on_record(message.data)

    async def record(self, stream: str, sequence: int, record_id: str) -> bytes | None:
        """The record with an id, from its place in the record log; None if the log does not have it any more.

        Raises BusError if the bus does not answer.
        """
        client = self._client
        if client is None or not client.is_connected:
            raise BusError("the bus is not reached")
        try:
            message = await client.jetstream().get_msg(stream, sequence)
        except NotFoundError:
            return None
        except (Error, OSError, TimeoutError) as error:
            raise BusError(str(error) or "the bus does not answer") from error
        # a log that was made again counts from 1 again
        found = (message.headers or {}).get("Nats-Msg-Id")
        return message.data if found == record_id else None

    async def publish_audit(self, entry: Mapping[str, Any]) -> None:
        """Publish an entry of the audit log, if the bus is there. The store has it in any case."""
        client = self._client
        if client is None or not client.is_connected:
            return
        with contextlib.suppress(Error, OSError):
            await client.publish(self.topics[1], json.dumps(entry).encode())

    def close(self) -> None:
        """Make `run` return. nats-py may lose the cancellation of a task that connects, so cancelling is not enough."""
        self._closing = True
        self._over.set()

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Error, OSError, TimeoutError):
                await client.close()
