"""The REST sink: sends records by POST, one per request, or many as NDJSON or as a JSON array."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog import rawjson
from services.nats2log.config import RestWriter
from services.nats2log.shape import one_line
from services.nats2log.sinks.http import HttpClient
from services.nats2log.sinks.sending import send_batches, send_each
from services.nats2log.sinks.sink import Failure, Fault, FaultKind, Sink, fail_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gecholog.tls import OutboundTls
    from services.nats2log.config import Writer
    from services.nats2log.entry import RecordEntry

_MAX_BATCH_BYTES = 4 * 1024 * 1024
_ID = "Idempotency-Key"  # draft-ietf-httpapi-idempotency-key-header
_NOT_JSON = Fault(FaultKind.REJECTED, "not JSON")


class RestSink:
    """Sends records to an address."""

    def __init__(self, writer: RestWriter, tls: OutboundTls) -> None:
        self._writer = writer
        self._client = HttpClient(writer.address, tls, writer.timeout_ms, writer.concurrency)
        self._names = frozenset(name.lower() for name, _ in writer.headers)

    async def open(self) -> None:
        self._client.open()

    async def write(self, entries: Sequence[RecordEntry]) -> list[Failure]:
        if self._writer.batch == "single":
            return await send_each(entries, self._writer.concurrency, self._send_one)
        good = [entry for entry in entries if rawjson.is_json(entry.data)]
        bad = [] if len(good) == len(entries) else [entry for entry in entries if not rawjson.is_json(entry.data)]
        return fail_all(bad, _NOT_JSON) + await send_batches(good, _MAX_BATCH_BYTES, self._send_batch)

    async def close(self) -> None:
        await self._client.close()

    async def _send_one(self, entry: RecordEntry) -> Fault | None:
        identity = self._unless_given(_ID, entry.id) if entry.id else ()
        return await self._client.post(entry.data, (*self._writer.headers, *identity))

    async def _send_batch(self, entries: Sequence[RecordEntry]) -> Fault | None:
        lines = [one_line(entry.data) for entry in entries]
        if self._writer.batch == "array":
            body, kind = b"[" + b",".join(lines) + b"]", "application/json"
        else:
            body, kind = b"\n".join(lines) + b"\n", "application/x-ndjson"
        return await self._client.post(body, (*self._writer.headers, *self._unless_given("Content-Type", kind)))

    def _unless_given(self, name: str, value: str) -> tuple[tuple[str, str], ...]:
        return () if name.lower() in self._names else ((name, value),)


def make(writer: Writer, tls: OutboundTls) -> Sink:
    """Create the sink for the section `rest_api_writer`."""
    if not isinstance(writer, RestWriter):
        raise TypeError(type(writer).__name__)
    return RestSink(writer, tls)
