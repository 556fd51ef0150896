"""What became of records: in the file of nats2file, and on the bus."""

import asyncio
import contextlib
from collections import defaultdict

import nats
import nats.errors
import orjson

LOGGER = "coburn.gl.logger"
SLOW = "coburn.gl.slow"


class RecordFile:
    """The file, read on from where the last look ended.

    `places` are the offsets of each record's lines by transaction id; `recovered` are the ids of records whose gateway
    died before they were final; `torn` counts lines that are no JSON. `usage` is the sum of the tokens in the payloads
    of responses, `counted` the part of it that a token counter has confirmed.
    """

    def __init__(self, path):
        self.path = path
        self.places = defaultdict(list)
        self.recovered = set()
        self.torn = 0
        self.lines = 0
        self.usage = 0
        self.counted = 0
        self._read_to = 0

    @property
    def duplicates(self) -> int:
        return sum(len(places) - 1 for places in self.places.values())

    @property
    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def check(self) -> None:
        """Read the lines that have come since the last look."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._read_to)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._take(line)
                    self._read_to += len(line)
        except FileNotFoundError:
            pass

    def _take(self, line: bytes) -> None:
        self.lines += 1
        try:
            record = orjson.loads(line)
        except ValueError:
            self.torn += 1
            return
        self.places[record["transaction_id"]].append(self._read_to)
        if len(self.places[record["transaction_id"]]) == 1:
            self._count_tokens(record["response"])
        if any(error["name"] == "recovered" for error in record.get("error", ())):
            self.recovered.add(record["transaction_id"])

    def _count_tokens(self, response) -> None:
        payload = response.get("inbound_payload")
        usage = payload.get("usage") if isinstance(payload, dict) else None
        if usage is not None:
            self.usage += usage["total_tokens"]
        self.counted += response.get("token_count", {}).get("total_tokens", 0)


class Bystander:
    """A program of someone else on the bus: a plain subscriber of the logger subject, and a slow processor.

    `seen` are the Nats-Msg-Ids by transaction id, one for each time that the record came by.
    """

    def __init__(self, client):
        self._client = client
        self._answers = set()
        self.seen = defaultdict(list)

    @classmethod
    async def connected(cls, port: int, token: str) -> "Bystander":
        async def ignore(_: Exception) -> None:
            """The bus is killed on purpose."""

        client = await nats.connect(
            f"nats://127.0.0.1:{port}",
            token=token,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.1,
            error_cb=ignore,
        )
        return cls(client)

    async def listen(self) -> None:
        """See records pass from now on."""

        async def came(message) -> None:
            self.seen[orjson.loads(message.data)["transaction_id"]].append((message.headers or {}).get("Nats-Msg-Id"))

        await self._client.subscribe(LOGGER, cb=came)
        await self._client.flush()

    async def answer_slowly(self, seconds: float) -> None:
        """Be a processor that needs so long for each call."""

        async def answer(message) -> None:
            await asyncio.sleep(seconds)
            with contextlib.suppress(nats.errors.Error, OSError):
                await message.respond(b'{"slow":true}')

        async def take(message) -> None:
            task = asyncio.create_task(answer(message))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

        await self._client.subscribe(SLOW, cb=take)
        await self._client.flush()

    async def ask(self, subject: str, value=None):
        """Ask on the bus; None if there is no answer now."""
        try:
            message = await self._client.request(subject, b"" if value is None else orjson.dumps(value), timeout=1)
        except (nats.errors.Error, OSError, TimeoutError):
            return None
        return orjson.loads(message.data)

    async def is_at_the_end(self, sink: str) -> bool:
        """Whether a sink has written and acknowledged all that the stream has."""
        status = await self.ask(f"coburn.gl.{sink}.status")
        return status is not None and status["lag"] == 0 and not status["held"]

    async def leave(self) -> None:
        for task in self._answers:
            task.cancel()
        await self._client.close()


def slow_processor(timeout_ms: int):
    """The entry of the slow processor in a config of gl: asynchronous, so it holds back records and not replies."""
    return {
        "name": "slow",
        "modifier": False,
        "required": False,
        "async": True,
        "input_fields_include": ["gl_path"],
        "input_fields_exclude": [],
        "output_fields_write": ["slow"],
        "service_bus_topic": SLOW,
        "timeout": timeout_ms,
    }
