"""The OTLP sink: sends the spans of records to an OpenTelemetry receiver, by OTLP/HTTP in JSON.

A record counts as written when the receiver has accepted its spans. The SDK of OpenTelemetry is not used: its batch
processor drops spans when its queue is full, and cannot tell which records were delivered.
"""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.logs import Log
from services.nats2log.config import OtlpWriter
from services.nats2log.sinks.http import HttpAnswer, HttpClient, seconds_of
from services.nats2log.sinks.sending import send_batches
from services.nats2log.sinks.sink import Failure, Fault, FaultKind, Sink, fail_all
from services.nats2log.traces import otlp_json
from services.nats2log.traces.call_spans import NoTimes, spans_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gecholog.tls import OutboundTls
    from services.nats2log.config import Writer
    from services.nats2log.entry import RecordEntry

log = Log("otlp")

_MAX_BATCH_BYTES = 4 * 1024 * 1024  # of records; their spans are smaller, and receivers take 4 to 20 MB
_SUCCESS = range(200, 300)
# What concerns the address, the credentials or the load, and not the spans.
_OUTAGES = frozenset({401, 403, 404, 405, 407, 408, 429, 502, 503, 504})
_NOT_A_RECORD = Fault(FaultKind.REJECTED, "not a record of a call: a JSON object with ingress_egress_timer")


class OtlpSink:
    """Sends spans to a receiver."""

    def __init__(self, writer: OtlpWriter, tls: OutboundTls) -> None:
        self._writer = writer
        self._client = HttpClient(writer.address, tls, writer.timeout_ms, 1)
        self._headers = (("Content-Type", "application/json"), *writer.headers)
        self.rejected = 0  # spans that the receiver refused in requests that it accepted

    async def open(self) -> None:
        self._client.open()

    async def write(self, entries: Sequence[RecordEntry]) -> list[Failure]:
        spans = {id(entry): self._spans(entry) for entry in entries}
        bad = [entry for entry in entries if not spans[id(entry)]]
        good = [entry for entry in entries if spans[id(entry)]] if bad else entries

        async def export(part: Sequence[RecordEntry]) -> Fault | None:
            return await self._export([span for entry in part for span in spans[id(entry)]])

        return fail_all(bad, _NOT_A_RECORD) + await send_batches(good, _MAX_BATCH_BYTES, export)

    async def close(self) -> None:
        await self._client.close()

    def _spans(self, entry: RecordEntry) -> list[bytes]:
        """The spans of a record as JSON; none if it is not the record of a call."""
        try:
            record = rawjson.loads(entry.data)
            spans = spans_of(record, entry.id or entry.key, with_content=self._writer.capture_content)
        except (NotJson, NoTimes):
            return []
        call, *others = spans
        remote = bool(call.parent_id)
        return [otlp_json.encode_span(call, has_remote_parent=remote), *map(otlp_json.encode_span, others)]

    async def _export(self, spans: Sequence[bytes]) -> Fault | None:
        body, headers = otlp_json.encode(spans, self._writer.service_name), self._headers
        if self._writer.compression == "gzip":
            body = await asyncio.to_thread(gzip.compress, body, 1, mtime=0)
            headers = (*headers, ("Content-Encoding", "gzip"))
        answer = await self._client.ask(body, headers)
        if isinstance(answer, Fault):
            return answer
        return self._accepted(answer, len(spans)) if answer.status in _SUCCESS else fault_of(answer)

    def _accepted(self, answer: HttpAnswer, count: int) -> Fault | None:
        """The fault in a success: the receiver refused all spans. If it refused some, it must not be asked again.

        https://opentelemetry.io/docs/specs/otlp/#partial-success-1
        """
        rejected, message = otlp_json.partial_success(answer.body)
        if rejected >= count:
            return Fault(FaultKind.REJECTED, "the receiver refused the spans", details=message)
        if rejected:
            self.rejected += rejected
            log.error("spans refused by the receiver", rejected=rejected, of=count, total=self.rejected)
        elif message:
            log.warning("the receiver accepted the spans with a warning")
        return None


def fault_of(answer: HttpAnswer) -> Fault:
    """The fault of a response that is no success, as OTLP/HTTP classifies statuses.

    Other than there, wrong credentials and a wrong path are an outage: no record should become a dead letter for them.
    """
    kind = FaultKind.OUTAGE if answer.status in _OUTAGES else FaultKind.REJECTED
    return Fault(kind, f"status {answer.status}", retry_after=seconds_of(answer.retry_after))


def make(writer: Writer, tls: OutboundTls) -> Sink:
    """Create the sink for the section `otlp_writer`."""
    if not isinstance(writer, OtlpWriter):
        raise TypeError(type(writer).__name__)
    return OtlpSink(writer, tls)
