"""The REST sink: records by POST, one a call, or many as NDJSON or as a JSON array."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gecholog import rawjson
from services.nats2log.config import RestWriter
from services.nats2log.shape import one_line
from services.nats2log.sinks.http import HttpCalls
from services.nats2log.sinks.sending import in_chunks, one_by_one
from services.nats2log.sinks.sink import Failure, Fault, Kind, Sink, all_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gecholog.tls import OutboundTls
    from services.nats2log.config import Writer
    from services.nats2log.entry import Entry

_MOST_BYTES = 4 * 1024 * 1024  # of a batch
_ID = "Idempotency-Key"  # draft-ietf-httpapi-idempotency-key-header
_NOT_JSON = Fault(Kind.REFUSAL, "not JSON")


class RestSink:
    """Posts records to an address."""

    def __init__(self, writer: RestWriter, tls: OutboundTls) -> None:
        self._writer = writer
        self._calls = HttpCalls(writer.address, tls, writer.timeout_ms, writer.concurrency)
        self._names = frozenset(name.lower() for name, _ in writer.headers)

    async def open(self) -> None:
        self._calls.open()

    async def write(self, entries: Sequence[Entry]) -> list[Failure]:
        if self._writer.batch == "single":
            return await one_by_one(entries, self._writer.concurrency, self._alone)
        good = [entry for entry in entries if rawjson.is_json(entry.data)]
        bad = [] if len(good) == len(entries) else [entry for entry in entries if not rawjson.is_json(entry.data)]
        return all_of(bad, _NOT_JSON) + await in_chunks(good, _MOST_BYTES, self._together)

    async def close(self) -> None:
        await self._calls.close()

    async def _alone(self, entry: Entry) -> Fault | None:
        identity = self._unless_given(_ID, entry.id) if entry.id else ()
        return await self._calls.post(entry.data, (*self._writer.headers, *identity))

    async def _together(self, entries: Sequence[Entry]) -> Fault | None:
        lines = [one_line(entry.data) for entry in entries]
        if self._writer.batch == "array":
            body, kind = b"[" + b",".join(lines) + b"]", "application/json"
        else:
            body, kind = b"\n".join(lines) + b"\n", "application/x-ndjson"
        return await self._calls.post(body, (*self._writer.headers, *self._unless_given("Content-Type", kind)))

    def _unless_given(self, name: str, value: str) -> tuple[tuple[str, str], ...]:
        return () if name.lower() in self._names else ((name, value),)


def make(writer: Writer, tls: OutboundTls) -> Sink:
    """The sink for the section `rest_api_writer`."""
    if not isinstance(writer, RestWriter):
        raise TypeError(type(writer).__name__)
    return RestSink(writer, tls)
