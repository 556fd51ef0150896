"""The sink for Azure's Logs Ingestion API: uploads records as rows through a data collection rule."""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity.aio import ClientSecretCredential, DefaultAzureCredential
from azure.monitor.ingestion.aio import LogsIngestionClient

from gecholog import rawjson
from gecholog.errors import NotJson
from gecholog.tls import outbound_context
from services.nats2log.config import AzureIngestionWriter
from services.nats2log.sinks.http import fault_from_status
from services.nats2log.sinks.sending import send_batches
from services.nats2log.sinks.sink import Failure, Fault, FaultKind, Sink, fail_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gecholog.tls import OutboundTls
    from services.nats2log.config import Writer
    from services.nats2log.entry import RecordEntry

LogRow = MutableMapping[str, Any]

# Azure's client splits batches above 1 MB, but reports only that some part failed. With smaller batches, every response
# is about one of them.
_MAX_BATCH_BYTES = 900_000
_SCOPE = "https://monitor.azure.com"
_NOT_AN_OBJECT = Fault(FaultKind.REJECTED, "not a JSON object")


class AzureIngestionSink:
    """Uploads records to a stream of a data collection rule."""

    def __init__(self, writer: AzureIngestionWriter, tls: OutboundTls) -> None:
        self._writer = writer
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._credential: ClientSecretCredential | DefaultAzureCredential | None = None
        self._client: LogsIngestionClient | None = None

    async def open(self) -> None:
        writer = self._writer
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=outbound_context(self._tls)),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=writer.timeout_ms / 1000),
            auto_decompress=False,
        )
        self._credential = self._make_credential(self._session)
        self._client = LogsIngestionClient(
            writer.endpoint,
            self._credential,
            credential_scopes=[f"{(writer.audience or _SCOPE).rstrip('/')}/.default"],
            **_through(self._session),
        )

    async def write(self, entries: Sequence[RecordEntry]) -> list[Failure]:
        records_out = {id(entry): _row(entry.data) for entry in entries}
        good = [entry for entry in entries if records_out[id(entry)] is not None]
        bad = [entry for entry in entries if records_out[id(entry)] is None]

        async def upload(part: Sequence[RecordEntry]) -> Fault | None:
            return await self._upload([records_out[id(entry)] or {} for entry in part])

        return fail_all(bad, _NOT_AN_OBJECT) + await send_batches(good, _MAX_BATCH_BYTES, upload)

    async def close(self) -> None:
        for part in (self._client, self._credential, self._session):
            if part is not None:
                await part.close()
        self._client = self._credential = self._session = None

    def _make_credential(self, session: aiohttp.ClientSession) -> ClientSecretCredential | DefaultAzureCredential:
        writer = self._writer
        where = {"authority": writer.authority} if writer.authority else {}
        if not writer.tenant_id:
            return DefaultAzureCredential(**where)
        return ClientSecretCredential(
            writer.tenant_id, writer.client_id, writer.client_secret, **where, **_through(session)
        )

    async def _upload(self, records_out: list[LogRow]) -> Fault | None:
        if self._client is None:
            return Fault(FaultKind.OUTAGE, "sink not open")
        try:
            await self._client.upload(self._writer.rule_id, self._writer.stream_name, records_out)
        except ClientAuthenticationError as error:
            return Fault(FaultKind.OUTAGE, f"authentication failed: {_status(error)}")
        except HttpResponseError as error:
            return _fault_of(error)
        except (AzureError, OSError) as error:
            return Fault(FaultKind.OUTAGE, type(error).__name__)
        return None


def _through(session: aiohttp.ClientSession) -> dict[str, Any]:
    """Return arguments for an Azure client: our session with our TLS settings, and no retries of its own."""
    return {"transport": AioHttpTransport(session=session, session_owner=False), "retry_total": 0}


def _status(error: HttpResponseError) -> str:
    return f"status {error.status_code}" if error.status_code else type(error).__name__


def _fault_of(error: HttpResponseError) -> Fault:
    """Return the fault of an error. 401 and 403 concern the credentials, never the content."""
    if error.status_code is None:
        return Fault(FaultKind.OUTAGE, type(error).__name__)
    headers: Any = getattr(error.response, "headers", {})
    retry_after = headers.get("Retry-After", "")
    fault = fault_from_status(error.status_code, retry_after, forbidden=FaultKind.OUTAGE)
    return fault or Fault(FaultKind.OUTAGE, _status(error))


def _row(data: bytes) -> LogRow | None:
    """Return a record as a row with TimeGenerated, which every table has. None if it is not a JSON object."""
    try:
        record = rawjson.loads(data)
    except NotJson:
        return None
    if not isinstance(record, dict):
        return None
    return {"TimeGenerated": _time(record), **record}


def _time(record: dict[str, Any]) -> str:
    timer = record.get("ingress_egress_timer")
    start = timer.get("start") if isinstance(timer, dict) else record.get("ingress_egress_timer_start")
    return start if isinstance(start, str) else datetime.now(UTC).isoformat()


def make(writer: Writer, tls: OutboundTls) -> Sink:
    """Create the sink for the section `azure_logs_ingestion_writer`."""
    if not isinstance(writer, AzureIngestionWriter):
        raise TypeError(type(writer).__name__)
    return AzureIngestionSink(writer, tls)
