"""The sink for Azure's HTTP Data Collector API: one record per request, signed with the workspace's key.

Microsoft ended this API on 14 September 2026. `azure_ingestion` uses its successor. The signature:
https://learn.microsoft.com/azure/azure-monitor/logs/data-collector-api#authorization
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from email.utils import formatdate
from typing import TYPE_CHECKING

from gecholog.logs import Log
from services.nats2log.config import AzureCollectorWriter
from services.nats2log.sinks.http import HttpClient
from services.nats2log.sinks.sending import send_each
from services.nats2log.sinks.sink import Failure, FaultKind, Sink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gecholog.tls import OutboundTls
    from services.nats2log.config import Writer
    from services.nats2log.entry import RecordEntry
    from services.nats2log.sinks.sink import Fault

log = Log("azure")

_CONTENT_TYPE = "application/json"
_QUERY = "?api-version=2016-04-01"
_CONCURRENCY = 8


class AzureCollectorSink:
    """Sends records to a Log Analytics workspace."""

    def __init__(self, writer: AzureCollectorWriter, tls: OutboundTls) -> None:
        self._writer = writer
        self._client = HttpClient(
            writer.address + _QUERY, tls, writer.timeout_ms, _CONCURRENCY, forbidden=FaultKind.OUTAGE
        )

    async def open(self) -> None:
        self._client.open()
        log.warning(
            "the HTTP Data Collector API has ended, Microsoft retired it on 14 September 2026",
            successor="azure_logs_ingestion_writer",
        )

    async def write(self, entries: Sequence[RecordEntry]) -> list[Failure]:
        return await send_each(entries, _CONCURRENCY, self._send)

    async def close(self) -> None:
        await self._client.close()

    async def _send(self, entry: RecordEntry) -> Fault | None:
        date = formatdate(usegmt=True)
        headers = (
            ("Content-Type", _CONTENT_TYPE),
            ("Log-Type", self._writer.log_type),
            ("x-ms-date", date),
            ("Authorization", authorization(self._writer, len(entry.data), date)),
        )
        return await self._client.post(entry.data, headers)


def authorization(writer: AzureCollectorWriter, size: int, date: str) -> str:
    """Return the value of `Authorization` for a body of `size` bytes sent at `date` (RFC 1123)."""
    text = f"POST\n{size}\n{_CONTENT_TYPE}\nx-ms-date:{date}\n/api/logs"
    digest = hmac.new(base64.b64decode(writer.shared_key), text.encode(), hashlib.sha256).digest()
    return f"SharedKey {writer.workspace_id}:{base64.b64encode(digest).decode()}"


def make(writer: Writer, tls: OutboundTls) -> Sink:
    """Create the sink for the section `azure_log_analytics_writer`."""
    if not isinstance(writer, AzureCollectorWriter):
        raise TypeError(type(writer).__name__)
    return AzureCollectorSink(writer, tls)
