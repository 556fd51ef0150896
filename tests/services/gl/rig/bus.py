"""A listener on the bus, in a thread: it collects records, and answers for processors as a test tells it."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from tests.support.nats_server import NatsServer
from tests.support.record_schema import check_record
from tests.support.waiting import DEADLINE, until

LOGGER = "coburn.gl.logger"
PROCESSORS = "processor.>"
EVENTS = "coburn.gl.events"

Script = Callable[[bytes], bytes | list[bytes] | None]


class Listener:
    """What is on the bus. `records` come from the logger's topic; `scripts` (by subject) answer for processors.

    A script takes the bytes of a message and gives those of the response (a list: of several), or None for no response.
    No script: no response.
    """

    def __init__(self, server: NatsServer) -> None:
        self.scripts: dict[str, Script] = {}
        self.messages: list[tuple[str, bytes]] = []
        self.replies: list[tuple[str, str]] = []
        self.records: list[dict[str, Any]] = []
        self.record_ids: list[str] = []
        self.raw_records: list[bytes] = []
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._client = Client()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._do(self._connect())

    def reset(self) -> None:
        """Forget what came, and answer nothing."""
        self.scripts.clear()
        self.messages.clear()
        self.replies.clear()

    def record(self, transaction: str) -> dict[str, Any]:
        """Wait for the record of this transaction id."""
        return self.where(lambda record: record["transaction_id"] == transaction)

    def where(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for the first record that meets a condition."""
        found = until(lambda: next((record for record in list(self.records) if condition(record)), None), "a record")
        check_record(found)
        return found

    def of_path(self, subpath: str) -> dict[str, Any]:
        """Wait for the record of a call with this sub path."""
        return self.where(lambda record: record["request"].get("ingress_subpath") == subpath)

    def message_on(self, subject: str, number: int = 1) -> dict[str, Any]:
        """Wait for the message of this number on a processor's subject."""
        until(lambda: len(self.on(subject)) >= number, f"a message on {subject}")
        return json.loads(self.on(subject)[number - 1])

    def on(self, subject: str) -> list[bytes]:
        return [data for name, data in list(self.messages) if name == subject]

    def answer(self, subject: str, data: bytes, times: int = 1) -> None:
        """Answer all messages that came on a subject, each this many times, however late it is."""

        async def publish() -> None:
            for reply in [reply for name, reply in self.replies if name == subject] * times:
                await self._client.publish(reply, data)
            await self._client.flush()

        self._do(publish())

    def ask(self, subject: str, data: bytes = b"") -> Any:
        """Ask on the bus, and wait for the response as JSON."""
        return json.loads(self._do(self._client.request(subject, data, timeout=DEADLINE)).data)

    def ask_everybody(self, subject: str, data: bytes = b"") -> list[Any]:
        """Ask on the bus, and return the responses of everybody who has responded before a second request was."""

        async def ask() -> list[Any]:
            inbox, responses = self._client.new_inbox(), []

            async def take(message: Msg) -> None:
                responses.append(json.loads(message.data))

            subscription = await self._client.subscribe(inbox, cb=take)
            await self._client.publish(subject, data, reply=inbox)
            await self._client.request(subject, data, timeout=DEADLINE)
            await self._client.flush()
            await subscription.unsubscribe()
            return responses

        return self._do(ask())

    def again(self) -> None:
        """Connect again, after the server was away."""
        self._client = Client()
        self._do(self._connect())

    def stop(self) -> None:
        self._do(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE)
        self._loop.close()

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE)

    async def _connect(self) -> None:
        async def ignore(_: Exception) -> None:
            """A bus that goes away is part of some tests."""

        await self._client.connect(
            f"nats://{self._server.hostname}",
            **self._server.login,
            allow_reconnect=False,
            error_cb=ignore,
            pending_size=256 << 20,
        )
        await self._client.subscribe(LOGGER, cb=self._took_record)
        await self._client.subscribe(PROCESSORS, cb=self._took_message)
        await self._client.subscribe(EVENTS, cb=self._took_message)
        await self._client.flush()

    async def _took_record(self, message: Msg) -> None:
        self.raw_records.append(message.data)
        self.record_ids.append((message.headers or {}).get("Nats-Msg-Id", ""))
        self.records.append(json.loads(message.data))

    async def _took_message(self, message: Msg) -> None:
        self.messages.append((message.subject, message.data))
        self.replies.append((message.subject, message.reply))
        task = asyncio.create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Msg) -> None:
        script = self.scripts.get(message.subject)
        if script is None:
            return
        answer = script(message.data)
        for data in answer if isinstance(answer, list) else [answer]:
            if data is not None:
                await self._client.publish(message.reply, data)


def says(**fields: Any) -> Script:
    """A processor that answers every message with these fields."""
    return lambda _: json.dumps(fields).encode()
